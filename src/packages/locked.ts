import { Failure } from "../system/errors.ts";
import { differenceTable, type LockDifference, type LockedRelease } from "../system/lock.ts";

/** The lock of the release that the package lists are of. Throws Failure where there is none. */
export function lockFor(releases: readonly LockedRelease[], release: string): LockedRelease {
  const found = releases.find((each) => each.release === release);
  if (found !== undefined) return found;
  const locked = releases.map((each) => each.release).join(" and ");
  throw new Failure(`cannot build from the lock: it is of ${locked}, the package lists are of ${release}`, {
    hint: "build where the package lists are of that release, or lock this one with: dhcpd-build lock",
  });
}

/** Refuses packages that are neither in the package lists nor in the cache as the lock has them. */
export function refuseUnavailable(differences: readonly LockDifference[]): void {
  if (differences.length === 0) return;
  throw new Failure(
    `cannot get the packages of the lock, neither from the archive nor from the cache\n${differenceTable(differences)}`,
    { hint: "to take what there is now: dhcpd-build lock; for one package: dhcpd-build lock --update PACKAGE" },
  );
}
