import { closeSync, openSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { ArchiveError, listMembers, type Member } from "../system/archive.ts";
import { Failure } from "../system/errors.ts";
import { locate, type RootEntry } from "../system/root.ts";
import type { MadeLink } from "./alternatives.ts";
import { directoryNode, isReplaced, isSame, type Node, type Origin } from "./payload-node.ts";
import type { Ownership, Package, PackageRoot, Provenance } from "./source.ts";

/** A directory that the distribution has merged into another: `/lib` became a link to `usr/lib`. */
export interface MergedDirectory {
  readonly path: string;
  readonly into: string;
}

/** What a payload does not say of a member, by the member's absolute name. */
export type MemberDetails = ReadonlyMap<string, Pick<Member, "userName" | "groupName" | "xattrs">>;

/** The number of a path's owner, who is known by name and by the number in the payload. Throws Failure where nobody can say. */
export type NumberOf = (kind: "user" | "group", name: string, inPayload: number, path: string) => number;

/**
 * Packages seen as the one file system they would be when installed, without unpacking them: names and metadata are in
 * memory, bytes are read from the archives. Owns an open file per package until it is disposed of.
 */
export class PayloadRoot implements PackageRoot, Disposable {
  readonly #nodes = new Map<string, Node>();
  readonly #merged: readonly MergedDirectory[];
  readonly #numberOf: NumberOf;
  readonly #archives: number[] = [];
  /** Where directories lie that were looked for, links followed. What a package has is never replaced, so it stays true. */
  readonly #directories = new Map<string, string>([["/", "/"]]);
  readonly #made: string[] = [];

  constructor(merged: readonly MergedDirectory[], numberOf: NumberOf = (_kind, _name, inPayload) => inPayload) {
    this.#merged = merged;
    this.#numberOf = numberOf;
    this.#nodes.set("/", directoryNode());
    for (const { path: from, into } of merged) {
      this.#parent(into);
      this.#put(into, directoryNode());
      this.#put(from, {
        entry: { kind: "symlink", size: 0, mode: 0o777, target: path.posix.relative(path.posix.dirname(from), into) },
      });
    }
  }

  /** Takes in a package's payload, an uncompressed tar. Throws Failure where it is damaged or reaches out of the root. */
  add(from: Package, archive: string, details: MemberDetails = new Map()): void {
    const file = openSync(archive, "r");
    this.#archives.push(file);
    this.makeLinks([]);
    try {
      for (const member of listMembers(file, statSync(archive).size)) {
        const whole = { ...member, ...details.get(path.posix.join("/", member.name)) };
        this.#addMember({ package: from, member: whole, archive: file });
      }
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      throw new Failure(`cannot read package ${from.name} ${from.version}: ${error.message}`, { cause: error });
    }
  }

  /** Makes these links until the next package comes; what a package has at the same path stays. */
  makeLinks(links: readonly MadeLink[]): void {
    if (this.#made.length > 0)
      for (const place of this.#directories.keys()) if (place !== "/") this.#directories.delete(place);
    for (const place of this.#made.splice(0)) {
      this.#nodes.delete(place);
      this.#nodes.get(path.posix.dirname(place))?.children?.delete(path.posix.basename(place));
    }
    for (const made of links) {
      const parent = locate(this, path.posix.dirname(made.path));
      if (parent === undefined ? !made.path.startsWith("/etc/") : parent.entry.kind !== "directory") continue;
      const place = this.#place(this.#inside(made.path));
      if (this.#nodes.has(place)) continue;
      this.#put(place, { entry: { kind: "symlink", size: 0, mode: 0o777, target: made.target }, made });
      this.#made.push(place);
    }
  }

  entry(wanted: string): RootEntry | undefined {
    return this.#nodes.get(wanted)?.entry;
  }

  names(wanted: string): readonly string[] {
    return [...(this.#nodes.get(wanted)?.children ?? [])];
  }

  read(wanted: string, position: number, length: number): Uint8Array {
    const origin = this.#nodes.get(wanted)?.origin;
    if (origin === undefined) return new Uint8Array();
    const available = Math.max(0, Math.min(length, origin.member.size - position));
    const buffer = Buffer.allocUnsafe(available);
    return buffer.subarray(0, readSync(origin.archive, buffer, 0, available, origin.member.offset + position));
  }

  describe(path: string): Provenance {
    const { origin, made } = this.#nodes.get(path) ?? {};
    const from = origin?.package ?? made?.package;
    return {
      ...(from === undefined ? {} : { package: from }),
      modified: origin?.member.modified ?? 0,
      ...(made === undefined ? {} : { alternative: made.alternative }),
    };
  }

  ownershipOf(wanted: string): Ownership {
    const node = this.#nodes.get(wanted);
    if (node?.rival !== undefined && node.origin !== undefined) {
      throw new Failure(
        `cannot take ${wanted}: the packages ${node.origin.package.name} and ${node.rival.name} both have it, and not the same`,
        { hint: "name only one of them in the recipe" },
      );
    }
    const member = node?.origin?.member;
    return {
      uid: member === undefined ? 0 : this.#numberOf("user", member.userName, member.uid, wanted),
      gid: member === undefined ? 0 : this.#numberOf("group", member.groupName, member.gid, wanted),
      mode: node?.entry.mode ?? 0o755,
      xattrs: member?.xattrs ?? new Map(),
      ...(member === undefined ? {} : { sameFile: `${node?.origin?.archive}:${member.offset}` }),
    };
  }

  [Symbol.dispose](): void {
    for (const archive of this.#archives.splice(0)) closeSync(archive);
  }

  #addMember(origin: Origin): void {
    const wanted = this.#inside(origin.member.name);
    if (wanted === "/") return;
    this.#put(this.#place(wanted), this.#nodeOf(origin));
  }

  #nodeOf(origin: Origin): Node {
    const { member } = origin;
    switch (member.kind) {
      case "directory":
        return directoryNode(member.mode, origin);
      case "file":
        return { entry: { kind: "file", size: member.size, mode: member.mode }, origin };
      case "symlink":
        return { entry: { kind: "symlink", size: 0, mode: 0o777, target: member.linkName }, origin };
      case "hardlink": {
        const first = this.#nodes.get(this.#place(this.#inside(member.linkName)));
        if (first?.entry.kind === "file") return { ...first };
        throw new ArchiveError(`${member.name} is a hard link to nothing`);
      }
      case "other":
        return { entry: { kind: "other", size: 0, mode: member.mode }, origin };
    }
  }

  #put(place: string, node: Node): void {
    const existing = this.#nodes.get(place);
    if (existing === undefined) {
      this.#nodes.set(place, node);
      this.#nodes.get(path.posix.dirname(place))?.children?.add(path.posix.basename(place));
    } else if (existing.entry.kind === "directory" && node.entry.kind === "directory") {
      if (existing.origin === undefined && node.origin !== undefined) {
        this.#nodes.set(place, {
          ...node,
          ...(existing.children === undefined ? {} : { children: existing.children }),
        });
      }
    } else if (isReplaced(existing.entry, node.entry)) {
      // As dpkg and rpm do: neither does a directory replace a link to one, nor a link a directory.
    } else if (!isSame(existing, node) && node.origin !== undefined) {
      existing.rival ??= node.origin.package;
    }
  }

  /** Where a name of an archive lies inside the root, with merged directories under their new names. */
  #inside(name: string): string {
    const parts = name.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.includes("..") || name.includes("\0"))
      throw new ArchiveError(`the name ${JSON.stringify(name)} leaves the root`);
    let inside = `/${parts.join("/")}`;
    if (Buffer.byteLength(inside) >= pathLimit)
      throw new ArchiveError(`a name has ${Buffer.byteLength(inside)} bytes, which is more than a path may have`);
    for (const { path: from, into } of this.#merged) {
      if (inside === from || inside.startsWith(`${from}/`)) inside = into + inside.slice(from.length);
    }
    return inside;
  }

  /** The same place with no link on the way to it; makes the directories that the archive did not name. */
  #place(wanted: string): string {
    const parent = this.#parent(wanted);
    return parent === "/" ? `/${path.posix.basename(wanted)}` : `${parent}/${path.posix.basename(wanted)}`;
  }

  #parent(wanted: string): string {
    const directory = path.posix.dirname(wanted);
    let known = directory;
    while (!this.#directories.has(known)) known = path.posix.dirname(known);
    let here = this.#directories.get(known) ?? "/";
    const rest = directory.slice(known === "/" ? 1 : known.length + 1);
    for (const part of rest.split("/").filter(Boolean)) {
      known = known === "/" ? `/${part}` : `${known}/${part}`;
      const next = here === "/" ? `/${part}` : `${here}/${part}`;
      if (!this.#nodes.has(next)) this.#put(next, directoryNode());
      if (this.#nodes.get(next)?.entry.kind === "directory") here = next;
      else {
        const located = locate(this, next);
        if (located?.entry.kind !== "directory")
          throw new ArchiveError(`${wanted} lies below ${next}, which is no directory`);
        here = located.path;
      }
      this.#directories.set(known, here);
    }
    return here;
  }
}

/** PATH_MAX of Linux, the NUL at the end included: neither dpkg nor rpm could make a longer one. */
const pathLimit = 4096;
