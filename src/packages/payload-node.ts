import { readSync } from "node:fs";
import type { Member } from "../system/archive.ts";
import type { RootEntry } from "../system/root.ts";
import type { MadeLink } from "./alternatives.ts";
import type { Package } from "./source.ts";

/** One path of packages seen as a root. */
export interface Node {
  readonly entry: RootEntry;
  readonly origin?: Origin;
  /** Of a link that no payload has. */
  readonly made?: MadeLink;
  /** Names in a directory. */
  readonly children?: Set<string>;
  /** A later package that has something else here. */
  rival?: Package;
}

/** Where a path is from: a member of an open archive. */
export interface Origin {
  readonly package: Package;
  readonly member: Member;
  readonly archive: number;
}

/** Whether two packages have the same at one path. */
export function isSame(one: Node, other: Node): boolean {
  if (one.entry.kind !== other.entry.kind || one.entry.size !== other.entry.size) return false;
  if (one.entry.kind !== "file") return one.entry.target === other.entry.target;
  if (one.entry.mode !== other.entry.mode || one.origin === undefined || other.origin === undefined) return false;
  return hasSameBytes(one.origin, other.origin);
}

/** How much of two files is compared at a time. */
const chunk = 256 * 1024;

/** Whether two members of equal size have equal bytes. */
function hasSameBytes(one: Origin, other: Origin): boolean {
  if (one.archive === other.archive && one.member.offset === other.member.offset) return true;
  const [left, right] = [Buffer.alloc(chunk), Buffer.alloc(chunk)];
  for (let position = 0; position < one.member.size; position += chunk) {
    const length = Math.min(chunk, one.member.size - position);
    readSync(one.archive, left, 0, length, one.member.offset + position);
    readSync(other.archive, right, 0, length, other.member.offset + position);
    if (Buffer.compare(left.subarray(0, length), right.subarray(0, length)) !== 0) return false;
  }
  return true;
}

/** A directory, of which nothing is said if no package has it. */
export function directoryNode(mode = 0o755, origin?: Origin): Node {
  return {
    entry: { kind: "directory", size: 0, mode },
    children: new Set(),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** Whether a directory and a link meet, of which the first stays. */
export function isReplaced(existing: RootEntry, added: RootEntry): boolean {
  const kinds = [existing.kind, added.kind];
  return kinds.includes("directory") && kinds.includes("symlink");
}
