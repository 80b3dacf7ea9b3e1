import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from "node:fs";
import path from "node:path";
import { systemErrorCode } from "./errors.ts";

/** One name in a root, itself, not what it points to. */
export interface RootEntry {
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Bytes of a file, 0 for anything else. */
  readonly size: number;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** Where a symlink points to, as written. */
  readonly target?: string;
}

/**
 * A file system tree to look into: a directory of this machine, or packages that were never unpacked.
 * Paths are absolute and normal (`/usr/lib`), "/" is the root itself, and no directory on the way may be a symlink:
 * use `locate` for any other path.
 */
export interface Root {
  /** undefined where there is no such name. */
  entry(path: string): RootEntry | undefined;
  /** Up to `length` bytes of a file from `position`; fewer at its end. */
  read(path: string, position: number, length: number): Uint8Array;
  /** The names in a directory, in no order; empty where there is none. */
  names(path: string): readonly string[];
}

/** A link that was followed on the way to a file. */
export interface Link {
  readonly path: string;
  readonly target: string;
}

export interface Located {
  /** The canonical path: absolute inside the root, no symlink in it. */
  readonly path: string;
  readonly entry: RootEntry;
  /** Every symlink followed on the way, directories' included, in the order they were met. */
  readonly links: readonly Link[];
}

/** The kernel's limit, MAXSYMLINKS of path_resolution(7). */
const maxLinks = 40;

/**
 * Resolves a path as the kernel would after chroot(2) into the root: relative to "/", `..` at the root stays there, absolute link
 * targets begin at the root. undefined where nothing is there, a link dangles or loops, or a file stands where a
 * directory must be.
 */
export function locate(root: Root, wanted: string): Located | undefined {
  const pending = wanted.split("/").reverse();
  const links: Link[] = [];
  let here = "/";
  let entry = root.entry(here);
  while (pending.length > 0) {
    const name = pending.pop();
    if (entry?.kind !== "directory") return undefined;
    if (name === undefined || name === "" || name === ".") continue;
    if (name === "..") {
      here = path.posix.dirname(here);
      entry = root.entry(here);
      continue;
    }
    const next = here === "/" ? `/${name}` : `${here}/${name}`;
    const found = root.entry(next);
    if (found?.kind === "symlink") {
      const target = found.target ?? "";
      links.push({ path: next, target });
      if (links.length > maxLinks || target === "") return undefined;
      pending.push(...target.split("/").reverse());
      if (target.startsWith("/")) {
        here = "/";
        entry = root.entry(here);
      }
      continue;
    }
    here = next;
    entry = found;
  }
  return entry === undefined ? undefined : { path: here, entry, links };
}

/** A directory of this machine as a root. Nothing outside of it is ever opened; what cannot be read is not there. */
export function openDirectoryRoot(directory: string): Root {
  const onDisk = (inside: string) => (directory === "/" ? inside : directory + inside);
  return {
    entry(inside) {
      const stats = missingAsUndefined(() => lstatSync(onDisk(inside), { throwIfNoEntry: false }));
      if (stats === undefined) return undefined;
      const kind = kindOf(stats);
      const target = kind === "symlink" ? missingAsUndefined(() => readlinkSync(onDisk(inside))) : undefined;
      return {
        kind,
        size: kind === "file" ? stats.size : 0,
        mode: stats.mode & 0o7777,
        ...(target === undefined ? {} : { target }),
      };
    },
    read(inside, position, length) {
      const file = openSync(onDisk(inside), "r");
      try {
        const buffer = Buffer.allocUnsafe(length);
        return buffer.subarray(0, readSync(file, buffer, 0, length, position));
      } finally {
        closeSync(file);
      }
    },
    names: (inside) => missingAsUndefined(() => readdirSync(onDisk(inside))) ?? [],
  };
}

function kindOf(stats: Stats): RootEntry["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "other";
}

/** The last one is Node's answer to a name with a NUL byte. */
const meansMissing: ReadonlySet<string> = new Set([
  ...["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG", "EINVAL"],
  "ERR_INVALID_ARG_VALUE",
]);

function missingAsUndefined<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (meansMissing.has(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** Links without repetition, in the order they were met. */
export function unionOfLinks(first: readonly Link[], second: readonly Link[]): readonly Link[] {
  if (second.length === 0) return first;
  const known = new Set(first.map((link) => link.path));
  const added = second.filter((link) => !known.has(link.path));
  return added.length === 0 ? first : [...first, ...added];
}

/** A link that leads to nothing. */
export interface Dangling {
  /** The last link on the way; absolute, its directory's links resolved. */
  readonly link: string;
  /** Where it leads to; absolute. */
  readonly target: string;
}

/** MAXSYMLINKS of path_resolution(7). */
const mostLinks = 40;

/** The link at which the way to `wanted` ends because what it leads to is not there; undefined where no link is the reason. */
export function danglingLink(root: Root, wanted: string): Dangling | undefined {
  let found: Dangling | undefined;
  for (let here = wanted, hops = 0; hops < mostLinks; hops++) {
    const directory = locate(root, path.posix.dirname(here))?.path;
    if (directory === undefined) return found;
    const link = path.posix.join(directory, path.posix.basename(here));
    const entry = root.entry(link);
    if (entry?.kind !== "symlink") return entry === undefined ? found : undefined;
    here = path.posix.resolve(directory, entry.target ?? "");
    found = { link, target: here };
  }
  return undefined;
}
