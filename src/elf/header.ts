import type { Bytes, Encoding, Part } from "./bytes.ts";
import { ElfError } from "./errors.ts";

export interface Segment {
  readonly type: number;
  /** PF_X is 1, PF_W 2, PF_R 4. */
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

export const segmentType = { load: 1, dynamic: 2, interp: 3, note: 4 } as const;

/** The ELF header, which says how everything else is written. Throws ElfError for a file of another kind. */
export function readHeader(bytes: Bytes): { readonly header: Part; readonly encoding: Encoding } {
  if (bytes.size < 4 || bytes.raw(0, 4, "the magic number").toString("latin1") !== "\x7fELF") {
    throw new ElfError("not an ELF file");
  }
  const ident = bytes.raw(0, 16, "the ELF header");
  const encoding = { wide: ident[4] === 2, littleEndian: ident[5] === 1 };
  if ((ident[4] !== 1 && ident[4] !== 2) || (ident[5] !== 1 && ident[5] !== 2)) {
    throw new ElfError("the ELF header names no known class or byte order");
  }
  return { header: bytes.part(0, encoding.wide ? 64 : 52, encoding, "the ELF header"), encoding };
}

/** The program headers. Throws ElfError. */
export function readSegments(bytes: Bytes, header: Part, encoding: Encoding): readonly Segment[] {
  const { wide } = encoding;
  const start = header.address(wide ? 32 : 28);
  const size = header.half(wide ? 54 : 42);
  const count = header.half(wide ? 56 : 44);
  if (count === 0) return [];
  if (size !== (wide ? 56 : 32)) throw new ElfError(`a program header has ${size} bytes`);
  const table = bytes.part(start, count * size, encoding, "the program header table");
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    return {
      type: table.word(at),
      flags: table.word(at + (wide ? 4 : 24)),
      offset: table.address(at + (wide ? 8 : 4)),
      address: table.address(at + (wide ? 16 : 8)),
      size: table.address(at + (wide ? 32 : 16)),
    };
  });
}

/** A section of a file, by elf(5). */
export interface Section {
  /** Where its bytes begin in the file, and how many there are. */
  readonly offset: number;
  readonly size: number;
}

/** SHT_NOBITS: the section has no bytes in the file. */
const noBits = 8;
const nameLimit = 256;

/** The section of this name; undefined where there is none, or no section headers at all, which no loader needs. Throws ElfError. */
export function sectionNamed(name: string, bytes: Bytes, header: Part, encoding: Encoding): Section | undefined {
  const { wide } = encoding;
  const start = header.address(wide ? 40 : 32);
  const size = header.half(wide ? 58 : 46);
  const count = header.half(wide ? 60 : 48);
  const ofNames = header.half(wide ? 62 : 50);
  if (count === 0 || ofNames >= count) return undefined;
  if (size !== (wide ? 64 : 40)) throw new ElfError(`a section header has ${size} bytes`);
  const table = bytes.part(start, count * size, encoding, "the section header table");
  const at = (index: number) => ({
    offset: table.address(index * size + (wide ? 24 : 16)),
    size: table.address(index * size + (wide ? 32 : 20)),
  });
  const names = at(ofNames);
  const isNamed = (index: number) => {
    const position = table.word(index * size);
    if (position >= names.size || table.word(index * size + 4) === noBits) return false;
    return bytes.text(names.offset + position, Math.min(names.size - position, nameLimit), "a section's name") === name;
  };
  const found = Array.from({ length: count }, (_, index) => index).find(isNamed);
  return found === undefined ? undefined : at(found);
}
