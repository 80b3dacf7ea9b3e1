import { ElfError } from "./errors.ts";

/** Up to `length` bytes of a file from `position`; fewer at its end. */
export type Read = (position: number, length: number) => Uint8Array;

/** Part of a file as numbers. */
export interface Part {
  readonly length: number;
  byte(offset: number): number;
  half(offset: number): number;
  word(offset: number): number;
  /**
   * An address, offset or size: 4 bytes in a 32-bit file, 8 in a 64-bit one. Beyond 2^53 it is rounded, which no check
   * against a file's size can miss.
   */
  address(offset: number): number;
}

/** How the numbers of a file are written. */
export interface Encoding {
  readonly littleEndian: boolean;
  readonly wide: boolean;
}

/** A file whose every access is checked against its size; the pages that were read are kept until `release`. */
export interface Bytes {
  readonly size: number;
  /** Throws ElfError where any of the bytes lies outside the file or `length` is beyond reason. */
  raw(position: number, length: number, what: string): Buffer;
  part(position: number, length: number, encoding: Encoding, what: string): Part;
  /** A string that ends at a NUL before `limit` bytes. Throws ElfError otherwise. */
  text(position: number, limit: number, what: string): string;
  /** Lets go of the pages that were read; whoever reads on pays for them again. */
  release(): void;
}

/** Headers, notes and the strings of most files lie in the first of these. */
const page = 8192;
/** No table of a real file that is read here comes near it; a hostile one may not fill the memory with it. */
const mostBytes = 64 * 1024 * 1024;

/** `size` in bytes is what the file had when it was looked up; it may have shrunk since. */
export function boundedBytes(read: Read, size: number): Bytes {
  const pages = new Map<number, Buffer>();

  function readPages(first: number, end: number): Buffer {
    const kept = end - first === page ? pages.get(first) : undefined;
    if (kept !== undefined) return kept;
    const bytes = read(first, Math.min(end, size) - first);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (end - first === page) pages.set(first, buffer);
    return buffer;
  }

  function raw(position: number, length: number, what: string): Buffer {
    if (position < 0 || length < 0 || !(position + length <= size)) throw new ElfError(`${what} lies outside the file`);
    if (length > mostBytes) throw new ElfError(`${what} is unreasonably large (${length} bytes)`);
    const first = position - (position % page);
    const bytes = readPages(first, Math.ceil((position + Math.max(length, 1)) / page) * page);
    if (bytes.length < position - first + length) throw new ElfError(`the file ends before ${what} does`);
    return bytes.subarray(position - first, position - first + length);
  }

  return {
    size,
    raw,
    release: () => pages.clear(),
    part: (position, length, encoding, what) => asPart(raw(position, length, what), encoding),
    text(position, limit, what) {
      const most = Math.min(limit, size - position);
      for (
        let length = Math.min(most, page - (position % page));
        most > 0;
        length = Math.min(most, length * 4 + page)
      ) {
        const bytes = raw(position, length, what);
        const end = bytes.indexOf(0);
        if (end >= 0) return bytes.toString("utf8", 0, end);
        if (length >= most) break;
      }
      throw new ElfError(`${what} has no end inside the file`);
    },
  };
}

function asPart(bytes: Buffer, { littleEndian, wide }: Encoding): Part {
  const word = littleEndian ? (at: number) => bytes.readUInt32LE(at) : (at: number) => bytes.readUInt32BE(at);
  const highFirst = littleEndian ? 4 : 0;
  return {
    length: bytes.length,
    byte: (at) => bytes.readUInt8(at),
    half: littleEndian ? (at) => bytes.readUInt16LE(at) : (at) => bytes.readUInt16BE(at),
    word,
    address: wide ? (at) => word(at + highFirst) * 2 ** 32 + word(at + 4 - highFirst) : word,
  };
}
