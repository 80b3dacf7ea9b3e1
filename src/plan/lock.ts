import type { Lock, LockedBase, LockedRelease } from "../lock/lock.ts";
import type { Arch } from "../system/arch.ts";
import { usageFailure } from "../system/errors.ts";
import type { Family } from "../system/family.ts";

/** What a lock says about a family and architecture, one for each release that it knows. Throws a usage Failure where it says nothing. */
export function plannedLock(
  recipe: string,
  lock: Lock | undefined,
  wanted: { readonly family: Family; readonly arch: Arch },
): { readonly lock?: readonly LockedRelease[] } {
  if (lock === undefined) return {};
  refuseOther(recipe, lock);
  const { family, arch } = wanted;
  const releases = lock.releases.filter((each) => each.family === family && each.arch === arch);
  if (releases.length > 0) return { lock: releases };
  throw usageFailure(
    `cannot plan ${recipe} from the lock: it has nothing of ${family} for ${arch}`,
    `dhcpd-build lock --from ${family} --arch ${arch} adds it`,
  );
}

/** What a lock says about an image on this base. Throws a usage Failure where it says nothing. */
export function plannedBaseLock(
  recipe: string,
  lock: Lock | undefined,
  wanted: { readonly base: string; readonly arch: Arch },
): { readonly lock?: LockedBase } {
  if (lock === undefined) return {};
  refuseOther(recipe, lock);
  const { base, arch } = wanted;
  const found = lock.bases.find((each) => each.base === base && each.arch === arch);
  if (found !== undefined) return { lock: found };
  throw usageFailure(
    `cannot plan ${recipe} from the lock: it has nothing of an image on ${base} for ${arch}`,
    `dhcpd-build lock fedora --base ${base} --arch ${arch} adds it`,
  );
}

function refuseOther(recipe: string, lock: Lock): void {
  if (lock.recipe === recipe) return;
  throw usageFailure(
    `cannot plan ${recipe} from the lock: it is of the recipe ${lock.recipe}`,
    "--lock-file names another one",
  );
}
