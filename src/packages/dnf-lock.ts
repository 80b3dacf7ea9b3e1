import { type LockedPackage, lockDifferences } from "../system/lock.ts";
import type { DnfCatalog } from "./dnf-catalog.ts";
import { refuseUnavailable } from "./locked.ts";
import { asPackage, type RepositoryPackage } from "./rpm.ts";

/**
 * A catalog in which the packages of a lock stand in place of the newest ones, and are preferred to others that provide the same. Throws
 * Failure with a table of those that the repositories do not have any more.
 */
export async function lockedCatalog(catalog: DnfCatalog, packages: readonly LockedPackage[]): Promise<DnfCatalog> {
  if (packages.length === 0) return catalog;
  const found = await catalog.exactly(packages.map(({ name, version }) => `${name}-${version}`));
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
    async providersOf(library, among) {
      const ours = among.filter(({ name }) => locked.has(name));
      const providers = await catalog.providersOf(library, ours);
      return providers.length > 0 ? providers : catalog.providersOf(library, among);
    },
  };
}
