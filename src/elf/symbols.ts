import { type ElfImage, tag } from "./read.ts";
import { ElfError } from "./refusals.ts";
import { definedVersions, neededVersions } from "./versions.ts";

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
