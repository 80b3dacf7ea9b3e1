import { type Bytes, boundedBytes, type Encoding, type Part, type Read } from "./bytes.ts";
import { ElfError } from "./errors.ts";
import { readHeader, readSegments, type Segment, segmentType } from "./header.ts";
import { type DlopenNote, readDlopenNotes } from "./notes.ts";

/** What one entry of the dynamic section asks the loader for. */
export interface Dependency {
  readonly kind: "needed" | "filter" | "auxiliary";
  readonly name: string;
}

/** What the headers and the dynamic section of an ELF file say (elf(5)); strings are as written, nothing is expanded. */
export interface ElfFile {
  readonly class: 32 | 64;
  readonly endianness: "little" | "big";
  /** e_machine: 62 is x86_64, 183 aarch64. */
  readonly machine: number;
  readonly type: "relocatable" | "executable" | "shared" | "core" | "other";
  /** PT_INTERP. */
  readonly interpreter?: string;
  /** It has a dynamic section that is in the file. */
  readonly dynamic: boolean;
  readonly soname?: string;
  /** DT_NEEDED, DT_FILTER and DT_AUXILIARY in the order of the dynamic section. */
  readonly dependencies: readonly Dependency[];
  /** The names of DT_NEEDED alone. */
  readonly needed: readonly string[];
  readonly rpath?: string;
  readonly runpath?: string;
  /** DT_AUDIT and DT_DEPAUDIT, each a list separated by colons. */
  readonly audit: readonly string[];
  /** DF_1_NODEFLIB: the default directories are not searched on behalf of this file. */
  readonly noDefaultLibraries: boolean;
  /** DF_1_PIE: a program, though its type is that of a shared object. */
  readonly pie: boolean;
  readonly dlopenNotes: readonly DlopenNote[];
  /** None of its segments has a byte in the file: what `objcopy --only-keep-debug` leaves. */
  readonly empty: boolean;
}

/** An ELF file together with what is needed to read its tables on demand. */
export interface ElfImage {
  readonly file: ElfFile;
  readonly bytes: Bytes;
  readonly encoding: Encoding;
  /** The last value of each tag of the dynamic section. */
  readonly tags: ReadonlyMap<number, number>;
  /** Where in the file an address is; undefined where no loaded segment has it. */
  offsetOf(address: number): number | undefined;
  /** A string of the dynamic string table. Throws ElfError. */
  string(index: number, what: string): string;
}

export const tag = {
  needed: 1,
  hash: 4,
  strtab: 5,
  symtab: 6,
  strsz: 10,
  soname: 14,
  rpath: 15,
  runpath: 29,
  gnuHash: 0x6ffffef5,
  depaudit: 0x6ffffefb,
  audit: 0x6ffffefc,
  versym: 0x6ffffff0,
  flags1: 0x6ffffffb,
  verdef: 0x6ffffffc,
  verdefnum: 0x6ffffffd,
  verneed: 0x6ffffffe,
  verneednum: 0x6fffffff,
  auxiliary: 0x7ffffffd,
  filter: 0x7fffffff,
} as const;

const types = ["other", "relocatable", "executable", "shared", "core"] as const;
const nodeflib = 0x800;
const pie = 0x08000000;
/** PATH_MAX of Linux; no string that the loader opens is longer. */
const pathLimit = 4096;
/** Lists of directories may be longer than one path. */
const listLimit = 64 * 1024;
const mostDynamicEntries = 65_536;
/** Of all names that are read of one file: names may overlap in the string table, and each takes memory. */
const mostNameBytes = 16 * 1024 * 1024;
/** Of the notes of all segments, which may overlap, too; real files have some hundred bytes. */
const mostNoteBytes = 1024 * 1024;

/** Whether the first bytes of a file are those of an ELF file. */
export function looksLikeElf(start: Uint8Array): boolean {
  return start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46;
}

/**
 * Reads headers and the dynamic section through `read`, never the whole file; section headers are not needed.
 * `size` is the file's, in bytes. Throws ElfError for anything that is not a sound ELF file.
 */
export function readElf(read: Read, size: number): ElfImage {
  const bytes = boundedBytes(read, size);
  const { header, encoding } = readHeader(bytes);
  const segments = readSegments(bytes, header, encoding);
  const offsetOf = (address: number) => {
    const segment = segments.find(
      (s) => s.type === segmentType.load && address >= s.address && address < s.address + s.size,
    );
    return segment === undefined ? undefined : segment.offset + (address - segment.address);
  };
  const entries = readDynamic(bytes, segments, encoding);
  const tags = new Map(entries);
  const string = stringTable(bytes, tags, offsetOf);
  const partial = { bytes, encoding, tags, offsetOf, string };
  return {
    ...partial,
    file: { ...describe(header, encoding, entries, partial), ...segmentFacts(bytes, segments, encoding) },
  };
}

function readDynamic(
  bytes: Bytes,
  segments: readonly Segment[],
  encoding: Encoding,
): readonly (readonly [number, number])[] {
  const segment = segments.findLast((each) => each.type === segmentType.dynamic);
  if (segment === undefined || segment.size === 0) return [];
  const step = encoding.wide ? 16 : 8;
  const length = Math.min(segment.size - (segment.size % step), mostDynamicEntries * step);
  const table = bytes.part(segment.offset, length, encoding, "the dynamic section");
  const entries: (readonly [number, number])[] = [];
  for (let at = 0; at + step <= length; at += step) {
    const name = table.address(at);
    if (name === 0) return entries;
    entries.push([name, table.address(at + step / 2)]);
  }
  if (length < segment.size) throw new ElfError("the dynamic section has no end");
  return entries;
}

function stringTable(
  bytes: Bytes,
  tags: ReadonlyMap<number, number>,
  offsetOf: ElfImage["offsetOf"],
): ElfImage["string"] {
  const address = tags.get(tag.strtab);
  const start = address === undefined ? undefined : offsetOf(address);
  let allowance = mostNameBytes;
  return (index, what) => {
    if (start === undefined) throw new ElfError(`${what} is in a string table that is not in the file`);
    const length = tags.get(tag.strsz) ?? bytes.size - start;
    if (index >= length) throw new ElfError(`${what} lies outside the string table`);
    const text = bytes.text(start + index, Math.min(length - index, listLimit), what);
    allowance -= text.length;
    if (allowance < 0) throw new ElfError("the names in its string table are unreasonably long");
    return text;
  };
}

function describe(
  header: Part,
  encoding: Encoding,
  entries: readonly (readonly [number, number])[],
  { tags, string }: Pick<ElfImage, "tags" | "string">,
): Omit<ElfFile, "interpreter" | "dlopenNotes" | "empty"> {
  const kinds = new Map<number, Dependency["kind"]>([
    [tag.needed, "needed"],
    [tag.filter, "filter"],
    [tag.auxiliary, "auxiliary"],
  ]);
  const dependencies = entries.flatMap(([name, value]): Dependency[] => {
    const kind = kinds.get(name);
    return kind === undefined ? [] : [{ kind, name: string(value, "the name of a needed library") }];
  });
  const text = (name: number, what: string) => {
    const index = tags.get(name);
    return index === undefined ? undefined : string(index, what);
  };
  const soname = text(tag.soname, "DT_SONAME");
  const runpath = text(tag.runpath, "DT_RUNPATH");
  const rpath = text(tag.rpath, "DT_RPATH");
  const flags = tags.get(tag.flags1) ?? 0;
  return {
    class: encoding.wide ? 64 : 32,
    endianness: encoding.littleEndian ? "little" : "big",
    machine: header.half(18),
    type: types[header.half(16)] ?? "other",
    dynamic: entries.length > 0,
    ...(soname === undefined ? {} : { soname }),
    dependencies,
    needed: dependencies.flatMap((each) => (each.kind === "needed" ? [each.name] : [])),
    ...(rpath === undefined ? {} : { rpath }),
    ...(runpath === undefined ? {} : { runpath }),
    audit: [text(tag.audit, "DT_AUDIT"), text(tag.depaudit, "DT_DEPAUDIT")].filter((each) => each !== undefined),
    noDefaultLibraries: (flags & nodeflib) !== 0,
    pie: (flags & pie) !== 0,
  };
}

function segmentFacts(
  bytes: Bytes,
  segments: readonly Segment[],
  encoding: Encoding,
): Pick<ElfFile, "interpreter" | "dlopenNotes" | "empty"> {
  const interp = segments.find((each) => each.type === segmentType.interp && each.size > 0);
  const notes = segments.filter((each) => each.type === segmentType.note);
  const noteBytes = notes.reduce((sum, each) => sum + each.size, 0);
  if (noteBytes > mostNoteBytes) throw new ElfError(`the notes are unreasonably large (${noteBytes} bytes)`);
  return {
    ...(interp === undefined
      ? {}
      : { interpreter: bytes.text(interp.offset, Math.min(interp.size, pathLimit), "the interpreter's path") }),
    empty:
      !segments.some((each) => each.type === segmentType.load && each.size > 0) ||
      segments.some((each) => each.type === segmentType.dynamic && each.size === 0),
    dlopenNotes: notes.flatMap((each) => readDlopenNotes(bytes, each.offset, each.size, encoding)),
  };
}
