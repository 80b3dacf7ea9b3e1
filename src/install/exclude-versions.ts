import { differenceTable, type LockDifference, type LockedBase } from "../lock/lock.ts";
import { Failure } from "../system/errors.ts";

/** A package in a repository, taken apart from the right: only a name can have dashes. */
interface Available {
  readonly name: string;
  /** With epoch and release, no epoch where it is 0. */
  readonly version: string;
  readonly arch: string;
  /** As the package manager wrote it. */
  readonly text: string;
}

/**
 * What `dnf repoquery NAME...` prints, one NAME-[EPOCH:]VERSION-RELEASE.ARCH a line, in the order of dnf (4 and 5 alike); anything else is
 * passed over.
 */
export function parseAvailable(text: string): readonly Available[] {
  return text.split("\n").flatMap((line) => {
    const [, name, epoch, version, arch] = /^(\S+)-(?:(\d+):)?([^-\s]+-[^-\s]+)\.([^.\s]+)$/.exec(line.trim()) ?? [];
    if (name === undefined || version === undefined || arch === undefined) return [];
    return [
      {
        name,
        version: `${epoch === undefined || epoch === "0" ? "" : `${epoch}:`}${version}`,
        arch,
        text: line.trim(),
      },
    ];
  });
}

/**
 * Every other version of the locked packages that the base's repositories have: without them the package manager has no choice of them, and
 * records the same reasons for what it installs as it does without a lock. `query` is `dnf repoquery` with these names. Throws Failure with a
 * table of what the repositories do not have any more.
 */
export async function excludedVersions(
  { base, packages }: LockedBase,
  query: (names: readonly string[]) => Promise<string>,
): Promise<readonly string[]> {
  // Without a name the question would be about everything there is.
  if (packages.length === 0) return [];
  const isLocked = ({ name, version, arch }: Available) =>
    packages.some((each) => each.name === name && each.version === version && each.arch === arch);
  const available = parseAvailable(await query([...new Set(packages.map(({ name }) => name))]));
  const lost = packages.flatMap(({ name, version, arch }): readonly LockDifference[] => {
    const same = available.filter((each) => each.name === name && each.arch === arch);
    return same.some(isLocked) ? [] : [{ package: `${name}.${arch}`, locked: version, found: same.at(-1)?.version }];
  });
  if (lost.length > 0) {
    throw new Failure(
      `cannot get the packages of the lock from the repositories of ${base}\n${differenceTable(lost)}`,
      {
        hint: "to take what there is now: dhcpd-build lock fedora; for one package: dhcpd-build lock fedora --update PACKAGE",
      },
    );
  }
  return available.filter((each) => !isLocked(each)).map(({ text }) => text);
}
