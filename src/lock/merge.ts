import type { PlanRequest } from "../plan/request.ts";
import { usageFailure } from "../system/errors.ts";
import {
  baseDifferences,
  differenceTable,
  type Lock,
  type LockDifference,
  type LockedBase,
  type LockedRelease,
  lockDifferences,
} from "./lock.ts";

/** What images were locked: releases of scratch images, bases of OS-based ones. */
export type LockEntries = Pick<Lock, "releases" | "bases">;

/** How one release or base image changed. `differences` is empty if it did not. */
export type LockChange = (Omit<LockedRelease, "packages"> | Omit<LockedBase, "packages">) & {
  readonly differences: readonly LockDifference[];
};

/** The known entries, with each found entry in place of the known one for the same image. */
export function mergeEntries(known: LockEntries, found: LockEntries): LockEntries {
  return { releases: merged(known.releases, found.releases), bases: merged(known.bases, found.bases) };
}

/** One change per found entry, compared with the known entry for the same image. */
export function entryChanges(known: LockEntries, found: LockEntries): readonly LockChange[] {
  return [
    ...found.releases.map((release) => {
      const { packages, ...key } = release;
      const before = sameImage(known.releases, release)?.packages ?? [];
      return { ...key, differences: lockDifferences(before, packages) };
    }),
    ...found.bases.map((base) => {
      const { packages: _, ...key } = base;
      return { ...key, differences: baseDifferences(sameImage(known.bases, base), base) };
    }),
  ];
}

/** The lock without these packages, so that they can change. Throws a usage Failure if images of the kind do not have one of them. */
export function withoutPackages(lock: Lock, kind: PlanRequest["kind"], names: readonly string[]): Lock {
  const entries = kind === "scratch" ? lock.releases : lock.bases;
  const locked = new Set(entries.flatMap(({ packages }) => packages.map(({ name }) => name)));
  const unknown = names.find((name) => !locked.has(name));
  if (unknown !== undefined) {
    throw usageFailure(
      `cannot update ${unknown}: it is not in the lock of ${kind} images`,
      `it contains ${[...locked].sort().join(", ") || "nothing"}; dhcpd-build lock ${kind} updates all`,
    );
  }
  const rest = <Entry extends LockedRelease | LockedBase>(all: readonly Entry[]) =>
    all.map((entry) => ({ ...entry, packages: entry.packages.filter(({ name }) => !names.includes(name)) }));
  return { ...lock, releases: rest(lock.releases), bases: rest(lock.bases) };
}

/** A table per entry that changed, below a line such as `debian 12, x86_64:`. */
export function changesText(changes: readonly LockChange[]): string {
  return changes
    .filter(({ differences }) => differences.length > 0)
    .map((change) => {
      const image = "base" in change ? change.base : change.release;
      return `${image}, ${change.arch}:\n${differenceTable(change.differences)}`;
    })
    .join("\n\n");
}

function merged<Entry extends LockedRelease | LockedBase>(known: readonly Entry[], found: readonly Entry[]) {
  return [...known.filter((entry) => sameImage(found, entry) === undefined), ...found];
}

/** The entry of the same family, release and architecture, or of the same base image and architecture. */
function sameImage<Entry extends LockedRelease | LockedBase>(entries: readonly Entry[], like: Entry) {
  const keyOf = (entry: LockedRelease | LockedBase) =>
    JSON.stringify("base" in entry ? [entry.base, entry.arch] : [entry.family, entry.release, entry.arch]);
  return entries.find((entry) => keyOf(entry) === keyOf(like));
}
