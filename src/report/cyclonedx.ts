import { originOf, packageUrl, sourceUrl, splitEpoch } from "./purl.ts";
import type { BuildRecord, PackageRecord } from "./record.ts";
import {
  type FileRecord,
  filesFrom,
  needsOf,
  type RecordedImage,
  supplierOf,
  timestampOf,
  toolName,
  toolVersion,
  uuidOf,
} from "./sbom.ts";

interface Component {
  readonly type: "application" | "container" | "file" | "library" | "operating-system";
  readonly "bom-ref"?: string;
  readonly supplier?: { readonly name: string };
  readonly name: string;
  readonly version?: string;
  readonly hashes?: readonly { readonly alg: "SHA-256"; readonly content: string }[];
  readonly licenses?: readonly { readonly expression: string; readonly acknowledgement: "declared" }[];
  readonly purl?: string;
  readonly pedigree?: { readonly ancestors: readonly Component[] };
  readonly components?: readonly Component[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** What we write of CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/). */
export interface CycloneDx {
  readonly $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json";
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.6";
  readonly serialNumber: string;
  readonly version: 1;
  readonly metadata: {
    readonly timestamp: string;
    readonly tools: { readonly components: readonly Component[] };
    readonly component: Component;
  };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  readonly compositions: readonly {
    readonly aggregate: "complete" | "incomplete";
    readonly assemblies: readonly string[];
  }[];
}

/** The image's bill of materials: packages with the files that the image has of them, the recipe's files, and which file needs which. */
export function cycloneDx({ id, record }: RecordedImage): CycloneDx {
  const packages = record.packages.map((each) => packageComponent(each, record));
  const ownFiles = filesFrom(record, undefined).map(fileComponent);
  const image: Component = {
    type: "container",
    "bom-ref": `image:${id}`,
    name: record.plan.recipe,
    version: record.version,
    licenses: declared(record.plan.license),
    properties: properties({ "dhcpd-build:image-id": id, "dhcpd-build:arch": record.plan.arch }),
  };
  const needs = [...needsOf(record)].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(`cyclonedx ${id}`)}`,
    version: 1,
    metadata: {
      timestamp: timestampOf(record),
      tools: { components: [{ type: "application", name: toolName, version: toolVersion }] },
      component: image,
    },
    components: [...operatingSystem(record), ...packages, ...ownFiles],
    dependencies: [
      { ref: `image:${id}`, dependsOn: [...packages, ...ownFiles].flatMap((component) => component["bom-ref"] ?? []) },
      ...needs.map(([path, needed]) => ({ ref: fileReference(path), dependsOn: needed.map(fileReference) })),
    ],
    // Of an OS-based image the packages are listed, and not their files.
    compositions: [
      { aggregate: record.plan.kind === "scratch" ? "complete" : "incomplete", assemblies: [`image:${id}`] },
    ],
  };
}

/** Scanners take the distribution from here. */
function operatingSystem({ distribution }: BuildRecord): readonly Component[] {
  if (distribution === undefined) return [];
  return [
    { type: "operating-system", "bom-ref": "distribution", name: distribution.id, version: distribution.version },
  ];
}

function packageComponent(from: PackageRecord, record: BuildRecord): Component {
  const origin = originOf(record);
  const url = packageUrl(from, origin);
  const { source } = from;
  return {
    type: "library",
    "bom-ref": url,
    supplier: { name: supplierOf(record) },
    name: from.name,
    version: from.version,
    // An installed package's file is gone; then the sum is that of its header.
    ...(from.size === undefined ? {} : { hashes: [{ alg: "SHA-256", content: from.sha256 }] }),
    ...(from.license === undefined ? {} : { licenses: declared(from.license) }),
    purl: url,
    pedigree: {
      ancestors: [{ type: "library", name: source.name, version: source.version, purl: sourceUrl(from, origin) }],
    },
    components: filesFrom(record, from.name).map(fileComponent),
    properties: properties(sourceProperties(source)),
  };
}

function fileComponent({ path, sha256, mode, owner }: FileRecord): Component {
  return {
    type: "file",
    "bom-ref": fileReference(path),
    name: path,
    hashes: [{ alg: "SHA-256", content: sha256 }],
    properties: properties({ "dhcpd-build:mode": mode, "dhcpd-build:owner": owner }),
  };
}

/** Advisories of distributions are about source packages; Trivy knows them from these properties alone, not from the purl. */
function sourceProperties({ name, version }: PackageRecord["source"]): Readonly<Record<string, string>> {
  const [epoch, rest] = splitEpoch(version);
  const dash = rest.lastIndexOf("-");
  return {
    ...(epoch === undefined ? {} : { "aquasecurity:trivy:SrcEpoch": epoch }),
    "aquasecurity:trivy:SrcName": name,
    ...(dash < 0 ? {} : { "aquasecurity:trivy:SrcRelease": rest.slice(dash + 1) }),
    "aquasecurity:trivy:SrcVersion": dash < 0 ? rest : rest.slice(0, dash),
  };
}

function declared(expression: string): NonNullable<Component["licenses"]> {
  return [{ expression, acknowledgement: "declared" }];
}

function properties(values: Readonly<Record<string, string>>): NonNullable<Component["properties"]> {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function fileReference(path: string): string {
  return `file:${path}`;
}
