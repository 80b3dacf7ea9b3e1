import { createHash } from "node:crypto";
import { type BuiltInPart, builtInParts } from "./built-in.ts";
import { originOf, packageUrl } from "./purl.ts";
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
import {
  commonPart,
  packageReference,
  type Relationship,
  reference,
  relationship,
  type SpdxFile,
  type SpdxPackage,
  sourceReference,
  unknown,
} from "./spdx-elements.ts";

const imageId = "SPDXRef-Image";

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
export function spdx(recorded: RecordedImage, sha1s: Sha1s): Spdx {
  const { id, record } = recorded;
  const image = imageId;
  const sources = new Map(record.packages.map(({ source }) => [`${source.name} ${source.version}`, source]));
  const system = operatingSystem(record);
  const licenses = extractedLicenses(record);
  const parts = builtInParts(recorded);
  const isOwnSource = ({ source }: BuiltInPart) =>
    source !== undefined && sources.has(`${source.name} ${source.version}`);
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
      ...parts.filter((part) => !isOwnSource(part)).map(partPackage),
    ],
    files: filesOf(record).map((file) => spdxFile(file, sha1s)),
    relationships: [
      relationship("SPDXRef-DOCUMENT", "DESCRIBES", image),
      ...system.flatMap(({ SPDXID }) => [
        relationship(image, "GENERATED_FROM", SPDXID),
        // Trivy before 0.53 takes no other packages for the distribution's.
        ...record.packages.map((each) => relationship(SPDXID, "CONTAINS", packageReference(each))),
      ]),
      ...filesFrom(record, undefined).map(({ path }) => relationship(image, "CONTAINS", reference("File", path))),
      ...record.packages.flatMap((each) => relationshipsOf(each, image, record)),
      ...[...needsOf(record)].flatMap(([path, needed]) =>
        needed.map((other) => relationship(reference("File", path), "DEPENDS_ON", reference("File", other))),
      ),
      ...builtInRelationships(parts, recorded),
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
      // Trivy before 0.53 knows it by this name alone.
      ...commonPart(reference("OperatingSystem", `${id} ${version}`), id, version),
      primaryPackagePurpose: "OPERATING-SYSTEM",
    },
  ];
}

function binaryPackage(from: PackageRecord, record: BuildRecord, sha1s: Sha1s): SpdxPackage {
  const { name, version, source, size, sha256, license } = from;
  return {
    ...commonPart(packageReference(from), name, version),
    supplier: supplier(record),
    ...analyzed(filesFrom(record, name), sha1s),
    ...(size === undefined ? {} : { checksums: [{ algorithm: "SHA256", checksumValue: sha256 }] }),
    // Trivy reads the source package from this sentence.
    sourceInfo: `built package from: ${source.name} ${source.version}`,
    licenseDeclared: license ?? unknown,
    externalRefs: [purlReference(packageUrl(from, originOf(record)))],
    comment: "A checksum is that of the whole package file; the files are those that the image has of it.",
  };
}

/** Without a package URL: scanners would report its advisories once more. */
function sourcePackage({ name, version }: PackageRecord["source"], record: BuildRecord): SpdxPackage {
  return {
    ...commonPart(sourceReference({ name, version }), name, version),
    primaryPackagePurpose: "SOURCE",
    supplier: supplier(record),
  };
}

function supplier(record: BuildRecord): string {
  const name = supplierOf(record);
  return name === undefined ? unknown : `Organization: ${name}`;
}

function partPackage(part: BuiltInPart): SpdxPackage {
  const { name, version, purl, source, sum, users } = part;
  const usedBy = users.map(({ user, how, by }) => {
    const what = "path" in user ? user.path : user.name;
    return `${how === "linked" ? "linked into" : "used for"} ${what}, by ${by}`;
  });
  return {
    ...commonPart(partReference(part), name, version),
    ...(source === undefined ? {} : { primaryPackagePurpose: "SOURCE" }),
    ...(purl === undefined ? {} : { externalRefs: [purlReference(purl)] }),
    comment: [...usedBy, ...(sum === undefined ? [] : [`go.sum has ${sum}`])].join("; "),
  };
}

function partReference({ source, reference: name }: BuiltInPart): string {
  return source === undefined ? reference("Part", name) : sourceReference(source);
}

function purlReference(url: string): NonNullable<SpdxPackage["externalRefs"]>[number] {
  return { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: url };
}

/** What is built in, and where nobody can list it: a file that may have more linked in, and an image that may contain more. */
function builtInRelationships(parts: readonly BuiltInPart[], image: RecordedImage): readonly Relationship[] {
  const listed = new Set(filesOf(image.record).map(({ path }) => path));
  const partial = (image.natives ?? []).filter(({ path, whole }) => !whole && listed.has(path));
  return [
    ...parts.flatMap((part) =>
      part.users.map(({ user, how }) => {
        const file = "path" in user && listed.has(user.path) ? reference("File", user.path) : imageId;
        const from = "path" in user ? file : packageReference(user);
        return relationship(from, how === "linked" ? "STATIC_LINK" : "GENERATED_FROM", partReference(part));
      }),
    ),
    ...partial.map(({ path }) => relationship(reference("File", path), "STATIC_LINK", unknown)),
    ...(isComplete(image) ? [] : [relationship(imageId, "CONTAINS", unknown)]),
  ];
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
