import { type BuiltInPart, builtInParts } from "./built-in.ts";
import { originOf, packageUrl, sourceUrl, splitEpoch } from "./purl.ts";
import type { BuildRecord, PackageRecord } from "./record.ts";
import {
  type FileRecord,
  filesFrom,
  filesOf,
  isComplete,
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
    readonly assemblies?: readonly string[];
    readonly dependencies?: readonly string[];
  }[];
}

/**
 * The image's bill of materials: packages with the files that the image has of them, the recipe's files, what is built in, and which
 * file needs which. `compositions` names the files of which nobody can list what is linked in.
 */
export function cycloneDx(recorded: RecordedImage): CycloneDx {
  const { id, record } = recorded;
  const packages = record.packages.map((each) => packageComponent(each, record));
  const ownFiles = filesFrom(record, undefined).map(fileComponent);
  const parts = builtInParts(recorded);
  const reference = imageReference(recorded);
  const image: Component = {
    type: "container",
    "bom-ref": reference,
    name: record.plan.recipe,
    version: record.version,
    licenses: declared(record.plan.license),
    properties: properties({ "dhcpd-build:image-id": id, "dhcpd-build:arch": record.plan.arch }),
  };
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
    components: [...operatingSystem(record), ...packages, ...ownFiles, ...parts.map(partComponent)],
    dependencies: dependenciesOf(recorded, [...packages, ...ownFiles], parts),
    compositions: compositionsOf(recorded),
  };
}

function imageReference({ id }: RecordedImage): string {
  return `image:${id}`;
}

function dependenciesOf(
  image: RecordedImage,
  contained: readonly Component[],
  parts: readonly BuiltInPart[],
): CycloneDx["dependencies"] {
  const dependsOn = new Map<string, Set<string>>();
  const add = (ref: string, others: readonly string[]) => {
    const known = dependsOn.get(ref) ?? new Set();
    dependsOn.set(ref, known);
    for (const other of others) known.add(other);
  };
  add(
    imageReference(image),
    contained.flatMap((component) => component["bom-ref"] ?? []),
  );
  const needs = [...needsOf(image.record)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [path, needed] of needs) add(fileReference(path), needed.map(fileReference));
  const listed = listedPaths(image);
  for (const { reference, users } of parts) {
    for (const { user } of users) {
      if (!("path" in user)) add(packageUrl(user, originOf(image.record)), [reference]);
      // A file that the document does not list is the image's.
      else add(listed.has(user.path) ? fileReference(user.path) : imageReference(image), [reference]);
    }
  }
  return [...dependsOn].map(([ref, others]) => ({ ref, dependsOn: [...others] }));
}

function listedPaths({ record }: RecordedImage): ReadonlySet<string> {
  return new Set(filesOf(record).map(({ path }) => path));
}

/** The files with a whole list of what is linked in, those without, and the image, which is as complete as the least of its files. */
function compositionsOf(image: RecordedImage): CycloneDx["compositions"] {
  const listed = listedPaths(image);
  const files = (image.natives ?? []).filter(({ path }) => listed.has(path));
  const whole = files.filter((file) => file.whole).map(({ path }) => fileReference(path));
  const partial = files.filter((file) => !file.whole).map(({ path }) => fileReference(path));
  return [
    {
      aggregate: isComplete(image) ? "complete" : "incomplete",
      assemblies: [imageReference(image)],
      ...(partial.length === 0 ? {} : { dependencies: partial }),
    },
    ...(whole.length === 0 ? [] : [{ aggregate: "complete", dependencies: whole } as const]),
  ];
}

function partComponent({ reference, name, version, purl, source, sum, users }: BuiltInPart): Component {
  const usedBy = users.map(({ user, how, by }) => {
    const what = "path" in user ? user.path : user.name;
    return { name: `dhcpd-build:${how === "linked" ? "linked-into" : "used-for"}`, value: `${what}, by ${by}` };
  });
  return {
    type: "library",
    "bom-ref": reference,
    name,
    ...(version === undefined ? {} : { version }),
    ...(purl === undefined ? {} : { purl }),
    properties: [
      ...(source === undefined ? [] : properties(sourceProperties(source))),
      ...(sum === undefined ? [] : properties({ "dhcpd-build:go-sum": sum })),
      ...usedBy,
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
  const supplier = supplierOf(record);
  return {
    type: "library",
    "bom-ref": url,
    ...(supplier === undefined ? {} : { supplier: { name: supplier } }),
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
