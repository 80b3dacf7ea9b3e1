import { posix } from "node:path";
import type { FoundBy } from "../loader/search.ts";
import type { AlternativeOrigin, Package } from "../packages/source.ts";
import { Failure } from "../system/errors.ts";
import type { Root } from "../system/root.ts";

/** Why an entry is in the image. */
export type Reason =
  /** The recipe asks for this program. */
  | { readonly kind: "asked" }
  /** The loader opens it: `by` ask for `soname`, and `rule` is how the loader finds it. */
  | { readonly kind: "needed"; readonly soname: string; readonly rule: FoundBy; readonly by: readonly string[] }
  /** A symlink on the way to `to`; `alternative` is how it came about if no package has it. */
  | { readonly kind: "link"; readonly to: string; readonly alternative?: AlternativeOrigin }
  /** The old name of the directory that holds the runtime directory `to`. */
  | { readonly kind: "runtime"; readonly to: string }
  /** A directory that holds `of`. */
  | { readonly kind: "parent"; readonly of: string }
  /** The recipe gives it: a file or directory of its own, or one of the packages that it names. */
  | { readonly kind: "recipe" }
  /** The recipe wants scanners to find out what is in the image. */
  | { readonly kind: "metadata" }
  /** The loader's cache (ld.so.cache), without which it would not find `files`. */
  | { readonly kind: "cache"; readonly files: readonly string[] };

/** Where a file's bytes come from: a file of a root, or they are there already. */
export type Content = { readonly root: Root; readonly path: string } | { readonly bytes: Uint8Array };

interface CommonEntry {
  /** Absolute and normal, `/usr/sbin/dhcpd`. */
  readonly path: string;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
  readonly reason: Reason;
  /** The package that it comes from. */
  readonly package?: Package;
  /** When it was last changed before it was packaged, in seconds since the epoch; absent if no package has a time for it. */
  readonly modified?: number;
}

export interface FileEntry extends CommonEntry {
  readonly kind: "file";
  /** Bytes. */
  readonly size: number;
  readonly content: Content;
  /** Equal for two paths that are one file (hard links). */
  readonly sameFile?: string;
}

export interface DirectoryEntry extends CommonEntry {
  readonly kind: "directory";
}

export interface SymlinkEntry extends CommonEntry {
  readonly kind: "symlink";
  readonly target: string;
}

export type Entry = FileEntry | DirectoryEntry | SymlinkEntry;

/** The image's file system as data: each path once, each with its reason. */
export class Tree {
  readonly #entries = new Map<string, Entry>();

  /**
   * Adds an entry. The same thing a second time is kept under its first reason; a directory given with a purpose replaces
   * one that only held something. Throws Failure for two different things at one path.
   */
  add(entry: Entry): void {
    const existing = this.#entries.get(entry.path);
    if (existing === undefined || (isMereParent(existing) && entry.kind === "directory")) {
      this.#entries.set(entry.path, entry);
    } else if (!isMereParent(entry) || existing.kind !== "directory") {
      if (!isSame(existing, entry)) {
        throw new Failure(
          `cannot put two different things at ${entry.path}: ${asText(existing)}, and ${asText(entry)}`,
        );
      }
    }
  }

  get(path: string): Entry | undefined {
    return this.#entries.get(path);
  }

  /** A path with the tree's own links followed: `/lib/x` is in `/usr/lib` if the tree has `/lib` as a link. */
  resolve(path: string): string {
    let here = "";
    for (const part of path.split("/").filter(Boolean)) {
      here += `/${part}`;
      for (
        let hops = 0, entry = this.get(here);
        entry?.kind === "symlink" && hops < 40;
        hops++, entry = this.get(here)
      ) {
        here = posix.resolve(posix.dirname(here), entry.target);
      }
    }
    return here;
  }

  /** Every entry, sorted by path in bytes: directories before what they hold. */
  entries(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  }

  /** The packages that the tree has something of, by name. */
  packages(): readonly Package[] {
    const packages = new Map(
      this.entries().flatMap(({ package: from }) => (from === undefined ? [] : [[from.name, from]])),
    );
    return [...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** One line per entry: `/usr/sbin/dhcpd  file 0755 0:0  why: asked`. */
  toText(): string {
    return this.entries()
      .map((entry) => `${entry.path}  ${asText(entry)}  why: ${reasonText(entry.reason)}\n`)
      .join("");
  }
}

function isMereParent(entry: Entry): boolean {
  return entry.kind === "directory" && entry.reason.kind === "parent";
}

function isSame(one: Entry, other: Entry): boolean {
  if (asText(one) !== asText(other) || one.package?.name !== other.package?.name) return false;
  if (one.kind !== "file" || other.kind !== "file") return true;
  const [a, b] = [one.content, other.content];
  if ("path" in a && "path" in b) return a.path === b.path;
  return "bytes" in a && "bytes" in b && Buffer.compare(a.bytes, b.bytes) === 0;
}

function asText(entry: Entry): string {
  const mode = entry.mode.toString(8).padStart(4, "0");
  const target = entry.kind === "symlink" ? ` -> ${entry.target}` : "";
  return `${entry.kind}${target} ${mode} ${entry.uid}:${entry.gid}`;
}

/** A reason as a person reads it. */
function reasonText(reason: Reason): string {
  switch (reason.kind) {
    case "asked":
      return "asked";
    case "needed":
      return `${reason.soname} of ${reason.by.join(", ")} (${reason.rule})`;
    case "link":
      return `on the way to ${reason.to}`;
    case "runtime":
      return `old name of the way to ${reason.to}`;
    case "parent":
      return `holds ${reason.of}`;
    case "recipe":
    case "metadata":
      return reason.kind;
    case "cache":
      return `finds ${reason.files.join(", ")}`;
  }
}
