import { createHash } from "node:crypto";
import { originOf, packageUrl } from "./purl.ts";
import type { BuildRecord, PackageRecord } from "./record.ts";
import {
  type FileRecord,
  filesFrom,
  filesOf,
  needsOf,
  type RecordedImage,
  supplierOf,
  timestampOf,
  toolName,
  toolVersion,
  uuidOf,
} from "./sbom.ts";

const unknown = "NOASSERTION";

interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo: string;
  readonly primaryPackagePurpose?: "CONTAINER" | "OPERATING-SYSTEM" | "SOURCE";
  readonly supplier: string;
  readonly downloadLocation: typeof unknown;
  readonly filesAnalyzed: boolean;
  readonly packageVerificationCode?: { readonly packageVerificationCodeValue: string };
  readonly checksums?: readonly { readonly algorithm: "SHA256"; readonly checksumValue: string }[];
  readonly sourceInfo?: string;
  readonly licenseConcluded: typeof unknown;
  readonly licenseDeclared: string;
  readonly copyrightText: typeof unknown;
  readonly externalRefs?: readonly {
    readonly referenceCategory: "PACKAGE-MANAGER";
    readonly referenceType: "purl";
    readonly referenceLocator: string;
  }[];
  readonly comment?: string;
}

interface SpdxFile {
  readonly SPDXID: string;
  readonly fileName: string;
  readonly checksums: readonly { readonly algorithm: "SHA1" | "SHA256"; readonly checksumValue: string }[];
  readonly licenseConcluded: typeof unknown;
  readonly licenseInfoInFiles: readonly (typeof unknown)[];
  readonly copyrightText: typeof unknown;
}

interface Relationship {
  readonly spdxElementId: string;
  readonly relationshipType: "DESCRIBES" | "CONTAINS" | "DEPENDS_ON" | "GENERATED_FROM";
  readonly relatedSpdxElement: string;
}

/** What we write of SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/). */
export interface Spdx {
  readonly spdxVersion: "SPDX-2.3";
  readonly dataLicense: "CC0-1.0";
  readonly SPDXID: "SPDXRef-DOCUMENT";
  readonly name: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages: readonly SpdxPackage[];
  readonly files: readonly SpdxFile[];
  readonly relationships: readonly Relationship[];
  readonly hasExtractedLicensingInfos?: readonly {
    readonly licenseId: string;
    readonly name: string;
    readonly extractedText: string;
  }[];
}

/** The SHA-1 of each file of an image, by path, in lower-case hex: SPDX 2.3, 8.4, wants it, and no record has it. */
export type Sha1s = ReadonlyMap<string, string>;

/** The image's bill of materials: the image has packages and the recipe's files, packages have files, and files need files. */
export function spdx({ id, record }: RecordedImage, sha1s: Sha1s): Spdx {
  const image = "SPDXRef-Image";
  const sources = new Map(record.packages.map(({ source }) => [`${source.name} ${source.version}`, source]));
  const system = operatingSystem(record);
  const licenses = extractedLicenses(record);
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${record.plan.recipe}-${record.version}-${record.plan.arch}`,
    documentNamespace: `urn:uuid:${uuidOf(`spdx ${id}`)}`,
    creationInfo: { created: timestampOf(record), creators: [`Tool: ${toolName}-${toolVersion}`] },
    packages: [
      imagePackage(image, id, record, sha1s),
      ...system,
      ...record.packages.map((each) => binaryPackage(each, record, sha1s)),
      ...[...sources.values()].map((source) => sourcePackage(source, record)),
    ],
    files: filesOf(record).map((file) => spdxFile(file, sha1s)),
    relationships: [
      relationship("SPDXRef-DOCUMENT", "DESCRIBES", image),
      ...system.map((each) => relationship(image, "GENERATED_FROM", each.SPDXID)),
      ...filesFrom(record, undefined).map(({ path }) => relationship(image, "CONTAINS", reference("File", path))),
      ...record.packages.flatMap((each) => relationshipsOf(each, image, record)),
      ...[...needsOf(record)].flatMap(([path, needed]) =>
        needed.map((other) => relationship(reference("File", path), "DEPENDS_ON", reference("File", other))),
      ),
    ],
    ...(licenses.length === 0 ? {} : { hasExtractedLicensingInfos: licenses }),
  };
}

function imagePackage(image: string, id: string, record: BuildRecord, sha1s: Sha1s): SpdxPackage {
  return {
    ...commonPart(image, record.plan.recipe, record.version),
    primaryPackagePurpose: "CONTAINER",
    ...analyzed(filesFrom(record, undefined), sha1s),
    checksums: [{ algorithm: "SHA256", checksumValue: id.replace(/^sha256:/, "") }],
    licenseDeclared: record.plan.license,
    comment: "The checksum is the image ID.",
  };
}

/** Scanners take the distribution from here. */
function operatingSystem({ distribution }: BuildRecord): readonly SpdxPackage[] {
  if (distribution === undefined) return [];
  const { id, version } = distribution;
  return [
    {
      ...commonPart(reference("Distribution", `${id} ${version}`), id, version),
      primaryPackagePurpose: "OPERATING-SYSTEM",
    },
  ];
}

function binaryPackage(from: PackageRecord, record: BuildRecord, sha1s: Sha1s): SpdxPackage {
  const { name, version, source, size, sha256, license } = from;
  return {
    ...commonPart(packageReference(from), name, version),
    supplier: `Organization: ${supplierOf(record)}`,
    ...analyzed(filesFrom(record, name), sha1s),
    ...(size === undefined ? {} : { checksums: [{ algorithm: "SHA256", checksumValue: sha256 }] }),
    // Trivy reads the source package from this sentence.
    sourceInfo: `built package from: ${source.name} ${source.version}`,
    licenseDeclared: license ?? unknown,
    externalRefs: [
      {
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: packageUrl(from, originOf(record)),
      },
    ],
    comment: "A checksum is that of the whole package file; the files are those that the image has of it.",
  };
}

/** Without a package URL: scanners would report its advisories once more. */
function sourcePackage({ name, version }: PackageRecord["source"], record: BuildRecord): SpdxPackage {
  return {
    ...commonPart(sourceReference({ name, version }), name, version),
    primaryPackagePurpose: "SOURCE",
    supplier: `Organization: ${supplierOf(record)}`,
  };
}

function commonPart(id: string, name: string, version: string) {
  return {
    SPDXID: id,
    name,
    versionInfo: version,
    supplier: unknown,
    downloadLocation: unknown,
    filesAnalyzed: false,
    licenseConcluded: unknown,
    licenseDeclared: unknown,
    copyrightText: unknown,
  } as const;
}

/** SPDX 2.3, 7.9: the SHA-1 of the files' SHA-1s in order. */
function analyzed(
  files: readonly FileRecord[],
  sha1s: Sha1s,
): Pick<SpdxPackage, "filesAnalyzed" | "packageVerificationCode"> {
  if (files.length === 0) return { filesAnalyzed: false };
  const sums = files.map(({ path }) => sha1s.get(path) ?? "").sort();
  const value = createHash("sha1").update(sums.join("")).digest("hex");
  return { filesAnalyzed: true, packageVerificationCode: { packageVerificationCodeValue: value } };
}

function spdxFile({ path, sha256 }: FileRecord, sha1s: Sha1s): SpdxFile {
  return {
    SPDXID: reference("File", path),
    fileName: `.${path}`,
    checksums: [
      { algorithm: "SHA1", checksumValue: sha1s.get(path) ?? "" },
      { algorithm: "SHA256", checksumValue: sha256 },
    ],
    licenseConcluded: unknown,
    licenseInfoInFiles: [unknown],
    copyrightText: unknown,
  };
}

function relationshipsOf(from: PackageRecord, image: string, record: BuildRecord): readonly Relationship[] {
  const id = packageReference(from);
  return [
    relationship(image, "CONTAINS", id),
    relationship(id, "GENERATED_FROM", sourceReference(from.source)),
    ...filesFrom(record, from.name).map(({ path }) => relationship(id, "CONTAINS", reference("File", path))),
  ];
}

function relationship(one: string, type: Relationship["relationshipType"], other: string): Relationship {
  return { spdxElementId: one, relationshipType: type, relatedSpdxElement: other };
}

/** Every `LicenseRef-...` must be explained in the document (SPDX 2.3, 10). */
function extractedLicenses({ packages, plan }: BuildRecord): NonNullable<Spdx["hasExtractedLicensingInfos"]> {
  const users = new Map(referencesIn(plan.license).map((id) => [id, new Set<string>()]));
  for (const { name, license = "" } of packages) {
    for (const id of referencesIn(license)) users.set(id, (users.get(id) ?? new Set()).add(name));
  }
  return [...users]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([licenseId, names]) => ({
      licenseId,
      name: licenseId.replace("LicenseRef-", ""),
      extractedText:
        names.size === 0
          ? "The recipe names this license and has no text of it"
          : `The text is in the copyright or license files of: ${[...names].join(", ")}`,
    }));
}

function referencesIn(license: string): readonly string[] {
  return license.match(/LicenseRef-[A-Za-z0-9.-]+/g) ?? [];
}

/** A system may have a package in two architectures or versions. */
function packageReference({ name, version, arch }: PackageRecord): string {
  return reference("Package", `${name}-${version}-${arch}`);
}

function sourceReference({ name, version }: PackageRecord["source"]): string {
  return reference("Source", `${name} ${version}`);
}

/** An identifier of letters, digits, dots and dashes that no other name has. */
function reference(kind: string, name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9.]+/g, "-").replace(/^-/, "");
  return `SPDXRef-${kind}-${plain.slice(-60)}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
}
