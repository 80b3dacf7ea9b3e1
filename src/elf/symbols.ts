import { ElfError } from "./errors.ts";
import type { DlopenNote } from "./notes.ts";
import { type ElfImage, tag } from "./read.ts";

/** A symbol that a file wants from another one. */
export interface Import {
  readonly name: string;
  /** undefined where any version will do. */
  readonly version: string | undefined;
  /** Nothing is wrong where nobody defines it. */
  readonly weak: boolean;
}

export interface Symbols {
  readonly imports: readonly Import[];
  /** The versions a symbol is defined in, by its name; "" stands for none. */
  readonly exports: ReadonlyMap<string, ReadonlySet<string>>;
}

const binding = { local: 0, weak: 2 } as const;
const mostSymbols = 4_000_000;
/** Of all symbols' names; more only where they overlap in the string table, which has at most as much. */
const mostNameBytes = 64 * 1024 * 1024;

/** A library is asked for its symbols by every closure that it is in. */
const known = new WeakMap<ElfImage, Symbols>();

/** What a file imports and exports, read once. Throws ElfError. */
export function symbolsOf(image: ElfImage): Symbols {
  const symbols = known.get(image) ?? readSymbols(image);
  known.set(image, symbols);
  return symbols;
}

/** What a file imports and exports by its dynamic symbol table; section headers are not needed. Throws ElfError. */
function readSymbols(image: ElfImage): Symbols {
  const exports = new Map<string, Set<string>>();
  const imports: Import[] = [];
  const start = startOf(image, tag.symtab);
  if (start === undefined) return { imports, exports };
  const { wide } = image.encoding;
  const step = wide ? 24 : 16;
  const count = symbolCount(image, start, step);
  const table = image.bytes.part(start, count * step, image.encoding, "the symbol table");
  const versionOf = versionLookup(image, count);
  const nameOf = stringLookup(image);
  for (let index = 1; index < count; index++) {
    const at = index * step;
    const bind = table.byte(at + (wide ? 4 : 12)) >> 4;
    if (bind === binding.local) continue;
    const name = nameOf(table.word(at));
    const version = versionOf(index);
    if (table.half(at + (wide ? 6 : 14)) === 0) imports.push({ name, version, weak: bind === binding.weak });
    else exports.set(name, (exports.get(name) ?? new Set()).add(version ?? ""));
  }
  return { imports, exports };
}

const knownAnswers = new WeakMap<ElfImage, Map<readonly string[], boolean>>();

/**
 * Whether a file imports one of these functions. Only strongly: older libraries probe weakly for whether there are threads at all. A
 * table that cannot be read has none of them, because the loader does not read that of a library that nobody uses.
 */
export function importsAny(image: ElfImage, functions: readonly string[]): boolean {
  const answers = knownAnswers.get(image) ?? new Map<readonly string[], boolean>();
  knownAnswers.set(image, answers);
  const answer = answers.get(functions) ?? importsOneOf(image, functions);
  answers.set(functions, answer);
  return answer;
}

function importsOneOf(image: ElfImage, functions: readonly string[]): boolean {
  try {
    if (!mentions(image, functions)) return false;
    return symbolsOf(image).imports.some((each) => !each.weak && functions.includes(each.name));
  } catch (error) {
    if (error instanceof ElfError) return false;
    throw error;
  }
}

/** Whether the file's string table has one of these words: a quick no before its symbols are read. */
function mentions(image: ElfImage, words: readonly string[]): boolean {
  const strings = stringBytes(image);
  return words.some((word) => strings.includes(`\0${word}\0`, 0, "latin1"));
}

function startOf(image: ElfImage, table: number): number | undefined {
  const address = image.tags.get(table);
  return address === undefined ? undefined : image.offsetOf(address);
}

function stringBytes(image: ElfImage): Buffer {
  const start = startOf(image, tag.strtab);
  return start === undefined
    ? Buffer.alloc(0)
    : image.bytes.raw(start, image.tags.get(tag.strsz) ?? 0, "the string table");
}

function stringLookup(image: ElfImage): (index: number) => string {
  const strings = stringBytes(image);
  let allowance = mostNameBytes;
  return (index) => {
    const end = index < strings.length ? strings.indexOf(0, index) : -1;
    if (end < 0) throw new ElfError("a symbol's name lies outside the string table");
    allowance -= end - index;
    if (allowance < 0) throw new ElfError("the names of its symbols are unreasonably long");
    return strings.toString("latin1", index, end);
  };
}

/**
 * No field holds the number of symbols. DT_HASH has it; DT_GNU_HASH ends with the last symbol that is defined; a file that defines none
 * has neither: then the table ends where the next one begins.
 */
function symbolCount(image: ElfImage, start: number, step: number): number {
  const hash = startOf(image, tag.hash);
  const counted =
    hash === undefined ? gnuHashCount(image) : image.bytes.part(hash, 8, image.encoding, "the hash table").word(4);
  const count = counted ?? roomFor(image, start, step);
  if (count > mostSymbols) throw new ElfError(`there are unreasonably many symbols (${count})`);
  return count;
}

function roomFor(image: ElfImage, start: number, step: number): number {
  const tables = [...image.tags.values()].flatMap((address) => image.offsetOf(address) ?? []);
  const next = tables.reduce((least, at) => (at > start && at < least ? at : least), image.bytes.size);
  return Math.floor((next - start) / step);
}

/** undefined where there is no table or no symbol in it. */
function gnuHashCount(image: ElfImage): number | undefined {
  const start = startOf(image, tag.gnuHash);
  if (start === undefined) return undefined;
  const header = image.bytes.part(start, 16, image.encoding, "the hash table");
  const buckets = header.word(0);
  const bucketStart = start + 16 + header.word(8) * (image.encoding.wide ? 8 : 4);
  const table = image.bytes.part(bucketStart, buckets * 4, image.encoding, "the hash table");
  let last = 0;
  for (let index = 0; index < buckets; index++) last = Math.max(last, table.word(index * 4));
  if (last < header.word(4) || last === 0) return undefined;
  for (let symbol = last; ; symbol++) {
    if (symbol > mostSymbols) throw new ElfError(`there are unreasonably many symbols (over ${mostSymbols})`);
    const at = bucketStart + buckets * 4 + (symbol - header.word(4)) * 4;
    if ((image.bytes.part(at, 4, image.encoding, "the hash table").word(0) & 1) === 1) return symbol + 1;
  }
}

function versionLookup(image: ElfImage, count: number): (symbol: number) => string | undefined {
  const start = startOf(image, tag.versym);
  if (start === undefined) return () => undefined;
  const names = new Map<number, string>();
  for (const { index, version } of neededVersions(image)) names.set(index, version);
  for (const { index, version, base } of definedVersions(image)) if (!base) names.set(index, version);
  const table = image.bytes.part(start, count * 2, image.encoding, "the symbols' versions");
  return (symbol) => names.get(table.half(symbol * 2) & 0x7fff);
}

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

/**
 * The functions of glibc that open libgcc_s.so.1 by themselves (the callers of __libc_unwind_link_get, and of pthread_cancel_init before
 * 2.32). The first three abort without it. A backtrace is merely empty, and programs ask for one when they are about to abort anyway.
 */
const callers = [
  {
    feature: "thread cancellation",
    priority: "recommended",
    functions: ["pthread_cancel", "pthread_exit", "thrd_exit"],
  },
  { feature: "backtraces", priority: "suggested", functions: ["backtrace", "__backtrace"] },
] as const;

const all: readonly string[] = callers.flatMap(({ functions }) => functions);

/** What glibc opens to unwind the stack, as if each file that imports such a function had a note that asks for it. */
export function unwinderNotes(image: ElfImage): readonly DlopenNote[] {
  if (!importsAny(image, all)) return [];
  return callers
    .filter(({ functions }) => importsAny(image, functions))
    .map(({ feature, priority }) => ({ sonames: ["libgcc_s.so.1"], feature, priority }));
}
