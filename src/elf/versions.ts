import { type ElfImage, tag } from "./read.ts";
import { ElfError } from "./refusals.ts";

/** A version that a file wants another one to define. */
export interface NeededVersion {
  /** As the file names it in DT_NEEDED. */
  readonly library: string;
  readonly version: string;
  /** The loader only warns where it is not defined. */
  readonly weak: boolean;
  /** What the entries of the symbols' version table call it. */
  readonly index: number;
}

export interface DefinedVersion {
  readonly version: string;
  /** The file's own name, which no symbol is bound to. */
  readonly base: boolean;
  readonly index: number;
}

const weakFlag = 2;
const baseFlag = 1;
const mostVersions = 65_536;

const needsOf = new WeakMap<ElfImage, readonly NeededVersion[]>();
const definitionsOf = new WeakMap<ElfImage, readonly DefinedVersion[]>();

/** The version needs of DT_VERNEED, read once. Throws ElfError. */
export function neededVersions(image: ElfImage): readonly NeededVersion[] {
  const needs = needsOf.get(image) ?? readNeeds(image);
  needsOf.set(image, needs);
  return needs;
}

/** The versions of DT_VERDEF, read once. Throws ElfError. */
export function definedVersions(image: ElfImage): readonly DefinedVersion[] {
  const versions = definitionsOf.get(image) ?? readDefinitions(image);
  definitionsOf.set(image, versions);
  return versions;
}

function readNeeds(image: ElfImage): readonly NeededVersion[] {
  const needs: NeededVersion[] = [];
  const found = tableOf(image, tag.verneed, tag.verneednum);
  for (let file = 0, at = found?.start ?? 0; found !== undefined && file < found.count; file++) {
    const need = image.bytes.part(at, 16, image.encoding, "a version need");
    const library = image.string(need.word(4), "a version need's library");
    for (let index = 0, auxiliary = at + need.word(8); index < need.half(2); index++) {
      const part = image.bytes.part(auxiliary, 16, image.encoding, "a version need");
      const version = image.string(part.word(8), "a needed version");
      needs.push({ library, version, weak: (part.half(4) & weakFlag) !== 0, index: part.half(6) & 0x7fff });
      if (needs.length > mostVersions) throw new ElfError("there are unreasonably many version needs");
      if (part.word(12) === 0) break;
      auxiliary += part.word(12);
    }
    if (need.word(12) === 0) break;
    at += need.word(12);
  }
  return needs;
}

function readDefinitions(image: ElfImage): readonly DefinedVersion[] {
  const versions: DefinedVersion[] = [];
  const found = tableOf(image, tag.verdef, tag.verdefnum);
  for (let number = 0, at = found?.start ?? 0; found !== undefined && number < found.count; number++) {
    const definition = image.bytes.part(at, 20, image.encoding, "a version definition");
    const auxiliary = image.bytes.part(at + definition.word(12), 8, image.encoding, "a version definition");
    versions.push({
      version: image.string(auxiliary.word(0), "a defined version"),
      base: (definition.half(2) & baseFlag) !== 0,
      index: definition.half(4) & 0x7fff,
    });
    if (versions.length > mostVersions) throw new ElfError("there are unreasonably many version definitions");
    if (definition.word(16) === 0) break;
    at += definition.word(16);
  }
  return versions;
}

function tableOf(
  image: ElfImage,
  table: number,
  number: number,
): { readonly start: number; readonly count: number } | undefined {
  const address = image.tags.get(table);
  if (address === undefined) return undefined;
  const start = image.offsetOf(address);
  if (start === undefined) throw new ElfError("the version table is not in the file");
  return { start, count: Math.min(image.tags.get(number) ?? 0, mostVersions) };
}
