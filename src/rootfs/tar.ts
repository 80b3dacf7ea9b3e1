import { closeSync, openSync, writeSync } from "node:fs";
import { Failure, systemErrorCode } from "../system/errors.ts";
import type { Entry, FileEntry, Tree } from "./tree.ts";

const block = 512;
/** How much of a file is copied at a time. */
const chunk = 1024 * 1024;

/**
 * Writes a tree as a tar whose bytes depend on the tree and `modified` (seconds since the epoch, for every entry) alone: sorted
 * by path, numeric owners, every directory named. POSIX ustar, with pax headers only for what ustar cannot hold: extended
 * attributes, long or non-ASCII names, large numbers (POSIX.1-2017, pax). Throws Failure, e.g. when the disk is full.
 */
export function writeTar(tree: Tree, file: string, modified: number): void {
  const handle = openSync(file, "w", 0o600);
  try {
    const written = new Map<string, string>();
    for (const entry of tree.entries()) {
      const first = entry.kind === "file" && entry.sameFile !== undefined ? written.get(entry.sameFile) : undefined;
      write(handle, headersOf(entry, modified, first));
      if (entry.kind !== "file" || first !== undefined) continue;
      writeContent(handle, entry);
      if (entry.sameFile !== undefined) written.set(entry.sameFile, nameOf(entry));
    }
    write(handle, Buffer.alloc(2 * block));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "ENOSPC" && code !== "EDQUOT" && code !== "EFBIG") throw error;
    throw new Failure(`cannot write the image's files to ${file}: no space left on device`, {
      hint: "free some space there, or set TMPDIR to a directory that has more",
      cause: error,
    });
  } finally {
    closeSync(handle);
  }
}

function write(handle: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
}

function writeContent(handle: number, entry: FileEntry): void {
  const { content, size } = entry;
  if ("bytes" in content) {
    write(handle, content.bytes);
  } else {
    for (let position = 0; position < size; ) {
      const bytes = content.root.read(content.path, position, Math.min(chunk, size - position));
      if (bytes.length === 0)
        throw new Failure(`cannot read ${content.path}: it ends before its stated size of ${size} bytes`);
      write(handle, bytes);
      position += bytes.length;
    }
  }
  write(handle, Buffer.alloc((block - (size % block)) % block));
}

function nameOf(entry: Entry): string {
  return `${entry.path.slice(1)}${entry.kind === "directory" ? "/" : ""}`;
}

function headersOf(entry: Entry, modified: number, hardLinkTo: string | undefined): Buffer {
  const name = nameOf(entry);
  const linkName = hardLinkTo ?? (entry.kind === "symlink" ? entry.target : "");
  const size = entry.kind === "file" && hardLinkTo === undefined ? entry.size : 0;
  const type = hardLinkTo !== undefined ? "1" : { file: "0", symlink: "2", directory: "5" }[entry.kind];
  const split = splitName(name);
  const pax: [string, string | Uint8Array][] = [];
  if (split === undefined) pax.push(["path", name]);
  if (!fits(linkName, 100)) pax.push(["linkpath", linkName]);
  const numbers = [
    ["size", size, 11],
    ["uid", entry.uid, 7],
    ["gid", entry.gid, 7],
  ] as const;
  for (const [key, value, digits] of numbers) if (value >= 8 ** digits) pax.push([key, String(value)]);
  for (const [key, value] of [...(entry.xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)))
    pax.push([`SCHILY.xattr.${key}`, value]);
  const fields = {
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size,
    modified,
    type,
    linkName: fits(linkName, 100) ? linkName : "",
  };
  const header = headerBlock({ ...fields, ...(split ?? { prefix: "", name: "path-in-pax-header" }) });
  if (pax.length === 0) return header;
  const records = Buffer.concat(pax.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => paxRecord(key, value)));
  const padding = Buffer.alloc((block - (records.length % block)) % block);
  const before = {
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: records.length,
    modified,
    type: "x",
    linkName: "",
    prefix: "",
    name: "pax-header",
  };
  return Buffer.concat([headerBlock(before), records, padding, header]);
}

interface HeaderFields {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modified: number;
  readonly type: string;
  readonly linkName: string;
}

function headerBlock(fields: HeaderFields): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, start: number, digits: number) =>
    header.write((value < 8 ** digits ? value : 0).toString(8).padStart(digits, "0"), start, "latin1");
  header.write(fields.name, 0, "latin1");
  octal(fields.mode, 100, 7);
  octal(fields.uid, 108, 7);
  octal(fields.gid, 116, 7);
  octal(fields.size, 124, 11);
  octal(fields.modified, 136, 11);
  header.write("        ", 148, "latin1");
  header.write(fields.type, 156, "latin1");
  header.write(fields.linkName, 157, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  octal(0, 329, 7);
  octal(0, 337, 7);
  header.write(fields.prefix, 345, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** "<length> <key>=<value>\n", where the length counts itself. */
function paxRecord(key: string, value: string | Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** The name as ustar's prefix and name; undefined where it does not fit. */
function splitName(name: string): { prefix: string; name: string } | undefined {
  if (fits(name, 100)) return { prefix: "", name };
  for (let slash = name.lastIndexOf("/", name.length - 2); slash > 0; slash = name.lastIndexOf("/", slash - 1)) {
    const [prefix, rest] = [name.slice(0, slash), name.slice(slash + 1)];
    if (fits(prefix, 155) && fits(rest, 100)) return { prefix, name: rest };
  }
  return undefined;
}

function fits(text: string, bytes: number): boolean {
  return text.length <= bytes && /^[\x01-\x7f]*$/.test(text);
}
