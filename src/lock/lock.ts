import type { Arch } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import type { Family } from "../system/family.ts";

/** One package file, exactly. */
export interface LockedPackage {
  readonly name: string;
  /** As the family writes it, with epoch and revision. */
  readonly version: string;
  /** Of the package file, lower-case hex. */
  readonly sha256: string;
  /** Of the package file, in bytes. */
  readonly size: number;
  /** Its place in the archive, whichever mirror has it. */
  readonly from: string;
}

/** What an image of one family, release and architecture is made of. */
export interface LockedRelease {
  readonly family: Family;
  /** The release in the words of os-release(5), as `debian 12`; `unknown` where the package lists do not say. */
  readonly release: string;
  readonly arch: Arch;
  /** Sorted by name. */
  readonly packages: readonly LockedPackage[];
}

/** One package that was installed, exactly; its file is gone by then. */
export interface LockedInstallation {
  readonly name: string;
  /** With epoch and release: `12:4.4.3-27.P1.fc44`. */
  readonly version: string;
  readonly arch: string;
  /** Of the package's header, which covers the digests of its files; lower-case hex. */
  readonly sha256: string;
}

/** What an OS-based image of one architecture is made of. */
export interface LockedBase {
  /** The base image as the recipe or a person names it. */
  readonly base: string;
  /** Of the base's manifest for this architecture, `sha256:...`. */
  readonly digest: string;
  readonly arch: Arch;
  /** What the base did not have, or not in this version; sorted by name. */
  readonly packages: readonly LockedInstallation[];
}

/** What one recipe's images are made of. */
export interface Lock {
  readonly recipe: string;
  /** Of scratch images. */
  readonly releases: readonly LockedRelease[];
  /** Of OS-based images. */
  readonly bases: readonly LockedBase[];
}

/** A package that is not as the lock has it; undefined is none. */
export interface LockDifference {
  readonly package: string;
  readonly locked: string | undefined;
  readonly found: string | undefined;
}

/** A distribution's release as a lock names it. */
export function releaseText(distribution: { readonly id: string; readonly version: string } | undefined): string {
  return distribution === undefined ? "unknown" : `${distribution.id} ${distribution.version}`;
}

/** Where two sets of packages differ, by name; files of one version that differ are told by their hashes. */
export function lockDifferences(
  locked: readonly Pick<LockedPackage, "name" | "version" | "sha256">[],
  found: readonly Pick<LockedPackage, "name" | "version" | "sha256">[],
): readonly LockDifference[] {
  const [before, now] = [locked, found].map((side) => new Map(side.map((each) => [each.name, each])));
  const names = [...new Set([...locked, ...found].map(({ name }) => name))].sort();
  return names.flatMap((name): readonly LockDifference[] => {
    const [one, other] = [before?.get(name), now?.get(name)];
    if (one?.sha256 === other?.sha256 && one?.version === other?.version) return [];
    const sameVersion = one?.version === other?.version;
    const text = (side: typeof one) =>
      side === undefined ? undefined : sameVersion ? `${side.version} (SHA-256 ${side.sha256})` : side.version;
    return [{ package: name, locked: text(one), found: text(other) }];
  });
}

/** Where two OS-based images differ: in their base, and in what is installed into it. */
export function baseDifferences(locked: LockedBase | undefined, found: LockedBase): readonly LockDifference[] {
  const base =
    locked?.digest === found.digest ? [] : [{ package: found.base, locked: locked?.digest, found: found.digest }];
  const byArch = ({ name, arch, ...rest }: LockedInstallation) => ({ name: `${name}.${arch}`, ...rest });
  return [...base, ...lockDifferences((locked?.packages ?? []).map(byArch), found.packages.map(byArch))];
}

/** The differences as a table for people, a line each below a heading. */
export function differenceTable(differences: readonly LockDifference[]): string {
  const rows = [
    ["package", "locked", "found"],
    ...differences.map(({ package: name, locked = "-", found = "-" }) => [name, locked, found]),
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(([name = "", locked = "", found = ""]) =>
      [name.padEnd(widths[0] ?? 0), locked.padEnd(widths[1] ?? 0), found].join("  "),
    )
    .join("\n");
}

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
