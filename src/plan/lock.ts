import type { Arch } from "../system/arch.ts";
import { usageFailure } from "../system/errors.ts";
import type { Family } from "../system/family.ts";
import type { Lock, LockedRelease } from "../system/lock.ts";

/** What a lock says about a family and architecture, one for each release that it knows. Throws a usage Failure where it says nothing. */
export function plannedLock(
  recipe: string,
  lock: Lock | undefined,
  wanted: { readonly family: Family; readonly arch: Arch },
): { readonly lock?: readonly LockedRelease[] } {
  if (lock === undefined) return {};
  if (lock.recipe !== recipe) {
    throw usageFailure(
      `cannot plan ${recipe} from the lock: it is of the recipe ${lock.recipe}`,
      "--lock-file names another one",
    );
  }
  const { family, arch } = wanted;
  const releases = lock.releases.filter((each) => each.family === family && each.arch === arch);
  if (releases.length > 0) return { lock: releases };
  throw usageFailure(
    `cannot plan ${recipe} from the lock: it has nothing of ${family} for ${arch}`,
    `dhcpd-build lock --from ${family} --arch ${arch} adds it`,
  );
}
