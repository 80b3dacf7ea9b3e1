import { readSync } from "node:fs";

/** One member of a tar archive: POSIX ustar and pax (POSIX.1-2017, pax), GNU long names. */
export interface Member {
  /** As written, without a trailing slash. */
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink" | "other";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  /** Seconds since the epoch. */
  readonly modified: number;
  /** Bytes of a file. */
  readonly size: number;
  /** Where a file's bytes begin in the archive. */
  readonly offset: number;
  /** Target of a symlink, or the name of the member that a hard link repeats. */
  readonly linkName: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** What a member says is not to be believed: the archive ends early or holds impossible numbers. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

const block = 512;
/** A pax header or a long name of more than this is an attack, not a file name. */
const maxHeaderBytes = 1024 * 1024;

/** Lists the members of an uncompressed tar in an open file of `size` bytes, reading headers only. Throws ArchiveError. */
export function* listMembers(file: number, size: number): Generator<Member> {
  let position = 0;
  let pax = new Map<string, Buffer>();
  let longName: string | undefined;
  let longLink: string | undefined;
  while (position + block <= size) {
    const header = readAt(file, position, block, size);
    position += block;
    if (header.every((byte) => byte === 0)) return;
    checkSum(header, position - block);
    const type = String.fromCharCode(header[156] ?? 0);
    const declared = pax.get("size") === undefined ? numberAt(header, 124, 12) : paxNumber(pax, "size");
    const length = type === "1" || type === "2" || type === "5" ? 0 : declared;
    if (position + length > size) throw new ArchiveError("a member reaches beyond the end of the archive");
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      if (length > maxHeaderBytes) throw new ArchiveError("an extended header is larger than 1 MiB");
      const bytes = readAt(file, position, length, size);
      if (type === "x") pax = parsePax(bytes);
      if (type === "L") longName = textOf(bytes);
      if (type === "K") longLink = textOf(bytes);
    } else {
      yield memberOf(header, { type, length, position, pax, longName, longLink });
      pax = new Map();
      longName = undefined;
      longLink = undefined;
    }
    position += Math.ceil(length / block) * block;
  }
}

interface Parts {
  readonly type: string;
  readonly length: number;
  readonly position: number;
  readonly pax: ReadonlyMap<string, Buffer>;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
}

function memberOf(header: Buffer, parts: Parts): Member {
  const { pax } = parts;
  const isUstar = header.toString("latin1", 257, 262) === "ustar";
  // GNU's old format ("ustar  ") has times where POSIX has the prefix.
  const prefix = isUstar && header[263] === 0x30 ? textOf(header.subarray(345, 500)) : "";
  const short = textOf(header.subarray(0, 100));
  const name = pax.get("path")?.toString() ?? parts.longName ?? (prefix === "" ? short : `${prefix}/${short}`);
  const modified = pax.get("mtime");
  return {
    name: name.replace(/\/+$/, ""),
    kind: kindOf(parts.type, name),
    mode: numberAt(header, 100, 8) & 0o7777,
    uid: pax.has("uid") ? paxNumber(pax, "uid") : numberAt(header, 108, 8),
    gid: pax.has("gid") ? paxNumber(pax, "gid") : numberAt(header, 116, 8),
    userName: pax.get("uname")?.toString() ?? textOf(header.subarray(265, 297)),
    groupName: pax.get("gname")?.toString() ?? textOf(header.subarray(297, 329)),
    modified: modified === undefined ? numberAt(header, 136, 12) : Math.floor(Number(modified.toString())) || 0,
    size: parts.length,
    offset: parts.position,
    linkName: pax.get("linkpath")?.toString() ?? parts.longLink ?? textOf(header.subarray(157, 257)),
    xattrs: xattrsOf(pax),
  };
}

function kindOf(type: string, name: string): Member["kind"] {
  switch (type) {
    case "\0":
    case "0":
    case "7":
      return name.endsWith("/") ? "directory" : "file";
    case "1":
      return "hardlink";
    case "2":
      return "symlink";
    case "5":
      return "directory";
    default:
      return "other";
  }
}

function xattrsOf(pax: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Uint8Array> {
  const prefix = "SCHILY.xattr.";
  return new Map(
    [...pax].flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])),
  );
}

/** Records of the form "<length> <key>=<value>\n", where the length counts the whole record. */
function parsePax(bytes: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  let position = 0;
  while (position < bytes.length && bytes[position] !== 0) {
    const space = bytes.indexOf(0x20, position);
    const length = space < 0 ? Number.NaN : Number(bytes.toString("latin1", position, space));
    const equals = bytes.indexOf(0x3d, space);
    const end = position + length;
    if (!Number.isInteger(length) || equals < 0 || equals >= end || end > bytes.length || end <= space) {
      throw new ArchiveError("an extended header is malformed");
    }
    records.set(bytes.toString("utf8", space + 1, equals), bytes.subarray(equals + 1, end - 1));
    position = end;
  }
  return records;
}

function paxNumber(pax: ReadonlyMap<string, Buffer>, key: string): number {
  const value = Number(pax.get(key)?.toString());
  if (!Number.isSafeInteger(value) || value < 0) throw new ArchiveError(`an extended header has an impossible ${key}`);
  return value;
}

/** Octal text, or GNU's base-256 where the first bit is set. */
function numberAt(header: Buffer, start: number, length: number): number {
  const field = header.subarray(start, start + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, (field[0] ?? 0) & 0x7f);
    if (!Number.isSafeInteger(value)) throw new ArchiveError("a header has an impossible number");
    return value;
  }
  const text = textOf(field).trim();
  if (text !== "" && !/^[0-7]+$/.test(text)) throw new ArchiveError("a header has a number that is not octal");
  return text === "" ? 0 : Number.parseInt(text, 8);
}

function checkSum(header: Buffer, position: number): void {
  const stated = numberAt(header, 148, 8);
  let sum = 8 * 0x20;
  for (let index = 0; index < block; index++) if (index < 148 || index >= 156) sum += header[index] ?? 0;
  if (sum !== stated) throw new ArchiveError(`the header at byte ${position} has a wrong checksum`);
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

function readAt(file: number, position: number, length: number, size: number): Buffer {
  if (position + length > size) throw new ArchiveError("the archive ends in the middle of a header");
  const buffer = Buffer.alloc(length);
  if (readSync(file, buffer, 0, length, position) !== length) throw new ArchiveError("the archive ends early");
  return buffer;
}
