import type { PackageSource } from "../packages/source.ts";
import type { ScratchImagePlan } from "../plan.ts";
import { Failure } from "../system/errors.ts";
import { differenceTable, type LockedRelease, lockDifferences, releaseText } from "../system/lock.ts";
import type { BuildRecord } from "./record.ts";

/** What a lock keeps of an image: the packages that it has something of. */
export function lockedRelease(
  { family, arch }: Pick<ScratchImagePlan, "family" | "arch">,
  { distribution, packages }: Pick<BuildRecord, "distribution" | "packages">,
  source: Pick<PackageSource, "originOf">,
): LockedRelease {
  return {
    family,
    release: releaseText(distribution),
    arch,
    packages: packages.map((each) => {
      const { name, version, sha256, size = 0 } = each;
      return { name, version, sha256, size, from: source.originOf({ ...each, size }) };
    }),
  };
}

/** Throws Failure with a table where an image is made of other packages than its release's lock. */
export function requireLocked(lock: readonly LockedRelease[], found: LockedRelease): void {
  const locked = lock.find(({ release }) => release === found.release);
  const differences = lockDifferences(locked?.packages ?? [], found.packages);
  if (differences.length === 0) return;
  throw new Failure(
    `cannot build for ${found.arch} from the lock: the image has other packages\n${differenceTable(differences)}`,
    { hint: "to take what there is now: dhcpd-build lock; for one package: dhcpd-build lock --update PACKAGE" },
  );
}
