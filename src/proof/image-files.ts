import { createHash } from "node:crypto";
import {
  closeSync,
  type Dirent,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
} from "node:fs";
import path from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { EntryRecord } from "../report/record.ts";

/** Something in an image, as it lies in a directory where the image is mounted. */
export interface ImageFile {
  /** Absolute inside the image. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Octal, four digits. */
  readonly mode: string;
  /** `uid:gid`. */
  readonly owner: string;
}

/** Everything below a directory, sorted as walked: directories before what they hold. Other work goes on meanwhile. */
export async function listFiles(root: string): Promise<readonly ImageFile[]> {
  const files: ImageFile[] = [];
  const pending = ["/"];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const entry of readdirSync(path.join(root, directory), { withFileTypes: true })) {
      const place = path.posix.join(directory, entry.name);
      const { mode, uid, gid } = lstatSync(root + place);
      files.push({
        path: place,
        kind: kindOf(entry),
        mode: (mode & 0o7777).toString(8).padStart(4, "0"),
        owner: `${uid}:${gid}`,
      });
      if (entry.isDirectory()) pending.push(place);
    }
    await turn();
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function kindOf(entry: Dirent): ImageFile["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  return entry.isSymbolicLink() ? "symlink" : "other";
}

/** e_machine of an ELF file (elf(5)); undefined for any other file. */
export function machineOf(file: string): number | undefined {
  const header = Buffer.alloc(20);
  const handle = openSync(file, "r");
  try {
    if (readSync(handle, header, 0, 20, 0) < 20 || header.toString("latin1", 0, 4) !== "\x7fELF") return undefined;
  } finally {
    closeSync(handle);
  }
  return header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18);
}

/** In what an image differs from its record, one sentence each. `root` is where the image is mounted. */
export function differences(
  root: string,
  files: readonly ImageFile[],
  recorded: readonly EntryRecord[],
): readonly string[] {
  const present = new Map(files.map((file) => [file.path, file]));
  const known = new Set(recorded.map((entry) => entry.path));
  return [
    ...files.flatMap((file) => (known.has(file.path) ? [] : [`${file.path} is not in the record`])),
    ...recorded.flatMap((entry) => {
      const file = present.get(entry.path);
      if (file === undefined) return [`${entry.path} is missing`];
      const difference = differenceOf(root, file, entry);
      return difference === undefined ? [] : [`${entry.path} ${difference}`];
    }),
  ];
}

function differenceOf(root: string, file: ImageFile, entry: EntryRecord): string | undefined {
  if (file.kind !== entry.kind) return `is a ${file.kind}, and was a ${entry.kind}`;
  if (file.owner !== entry.owner) return `belongs to ${file.owner}, and belonged to ${entry.owner}`;
  if (file.kind !== "symlink" && file.mode !== entry.mode) return `has mode ${file.mode}, and had ${entry.mode}`;
  const place = root + file.path;
  if (file.kind === "symlink" && readlinkSync(place) !== entry.target) return `does not point to ${entry.target}`;
  if (file.kind !== "file" || entry.sha256 === undefined) return undefined;
  const hash = createHash("sha256").update(readFileSync(place)).digest("hex");
  return hash === entry.sha256 ? undefined : "has another content";
}
