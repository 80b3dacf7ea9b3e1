import { readFile } from "node:fs/promises";
import { type LockedPackage, lockDifferences, refuseUnavailable } from "../../lock/lock.ts";
import type { ContentCache } from "../cache.ts";
import type { DnfCatalog } from "./catalog.ts";
import { asPackage, type RepositoryPackage, restorePackage } from "./rpm.ts";
import type { DnfState } from "./state.ts";
import { descriptionKey } from "./store.ts";

interface Kept {
  readonly cache: ContentCache;
  readonly state: DnfState;
}

/**
 * A catalog in which the packages of a lock stand in place of the newest ones, and are preferred to others that provide the same. What the
 * repositories have forgotten is as the cache remembers it. Throws Failure with a table of those that are in neither.
 */
export async function lockedCatalog(
  catalog: DnfCatalog,
  packages: readonly LockedPackage[],
  kept: Kept,
): Promise<DnfCatalog> {
  if (packages.length === 0) return catalog;
  const offered = await catalog.exactly(packages.map(({ name, version }) => `${name}-${version}`));
  const forgotten = packages.filter((each) => !offered.some(({ name }) => name === each.name));
  const found = [...offered, ...(await remembered(forgotten, kept))];
  const locked = new Map(found.map((each) => [each.name, each]));
  const newest = catalog.known.map((each) => asPackage(each, ""));
  refuseUnavailable(
    packages
      .filter(({ name }) => !locked.has(name))
      .flatMap((lost) =>
        lockDifferences(
          [lost],
          newest.filter(({ name }) => name === lost.name),
        ),
      ),
  );
  const fix = (all: readonly RepositoryPackage[]) => [...all.filter(({ name }) => !locked.has(name)), ...found];
  return {
    ...catalog,
    named: fix(catalog.named),
    known: fix(catalog.known),
    providersOf(library, among) {
      const ours = among.filter(({ name }) => locked.has(name));
      const providers = catalog.providersOf(library, ours);
      return providers.length > 0 ? providers : catalog.providersOf(library, among);
    },
  };
}

async function remembered(
  packages: readonly LockedPackage[],
  { cache, state }: Kept,
): Promise<readonly RepositoryPackage[]> {
  const found = packages.map(async ({ name, version, sha256 }) => {
    const file = await cache.findDerived(descriptionKey(state, sha256), "described");
    const described = file === undefined ? undefined : restorePackage(await readFile(file, "utf8"));
    const isThat =
      described !== undefined && described.name === name && asPackage(described, sha256).version === version;
    return isThat ? [described] : [];
  });
  return (await Promise.all(found)).flat();
}
