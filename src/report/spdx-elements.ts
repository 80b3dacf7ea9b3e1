import { createHash } from "node:crypto";
import type { PackageRecord } from "./record.ts";

/** What the document makes no claim about. */
export const unknown = "NOASSERTION";

export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo?: string;
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

export interface SpdxFile {
  readonly SPDXID: string;
  readonly fileName: string;
  readonly checksums: readonly { readonly algorithm: "SHA1" | "SHA256"; readonly checksumValue: string }[];
  readonly licenseConcluded: typeof unknown;
  readonly licenseInfoInFiles: readonly (typeof unknown)[];
  readonly copyrightText: typeof unknown;
}

export interface Relationship {
  readonly spdxElementId: string;
  readonly relationshipType: "DESCRIBES" | "CONTAINS" | "DEPENDS_ON" | "GENERATED_FROM" | "STATIC_LINK";
  /** An identifier, or `NOASSERTION`. */
  readonly relatedSpdxElement: string;
}

/** What every package of the document has. */
export function commonPart(id: string, name: string, version: string | undefined) {
  return {
    SPDXID: id,
    name,
    ...(version === undefined ? {} : { versionInfo: version }),
    supplier: unknown,
    downloadLocation: unknown,
    filesAnalyzed: false,
    licenseConcluded: unknown,
    licenseDeclared: unknown,
    copyrightText: unknown,
  } as const;
}

export function relationship(one: string, type: Relationship["relationshipType"], other: string): Relationship {
  return { spdxElementId: one, relationshipType: type, relatedSpdxElement: other };
}

/** A system may have a package in two architectures or versions. */
export function packageReference({ name, version, arch }: PackageRecord): string {
  return reference("Package", `${name}-${version}-${arch}`);
}

export function sourceReference({ name, version }: PackageRecord["source"]): string {
  return reference("Source", `${name} ${version}`);
}

/** An identifier of letters, digits, dots and dashes that no other name has. */
export function reference(kind: string, name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9.]+/g, "-").replace(/^-/, "");
  return `SPDXRef-${kind}-${plain.slice(-60)}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
}
