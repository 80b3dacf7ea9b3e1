import type { Family } from "../system/family.ts";
import type { Root } from "../system/root.ts";

/**
 * What a package declares that its files have in them of other sources, in its family's words: the fields of Debian Policy 7.8, and of
 * the provides of an RPM those of what it bundles (`bundled(libfoo) = 1.2`, Fedora Packaging Guidelines, Bundling), with commas between.
 */
export type BuiltIn = Readonly<Partial<Record<"Built-Using" | "Static-Built-Using" | "Provides", string>>>;

/** One package at exactly one version, as its signed index describes it. */
export interface Package {
  readonly name: string;
  /** The whole version as the family writes it, with epoch and revision: `4.4.3-P1-2`, `12:4.4.3-27.fc44`. */
  readonly version: string;
  /** What the project that wrote the software calls this version: `4.4.3-P1`. */
  readonly upstreamVersion: string;
  /** As the family spells it: `amd64`, `all`, `x86_64`, `noarch`. */
  readonly arch: string;
  readonly source: { readonly name: string; readonly version: string };
  /** Absent where it declares nothing. */
  readonly builtIn?: BuiltIn;
  /** Of the package file, lower-case hex. */
  readonly sha256: string;
  /** Of the package file, in bytes. */
  readonly size: number;
  /** The licences that it declares, in its family's words, all of them together; none if no machine can read them. */
  readonly licenses: readonly string[];
  /** The path of the package file in its archive, the same on every mirror. */
  readonly archivePath: string;
}

/** A release of a distribution in the words of os-release(5): `debian` and `12`, `fedora` and `44`. */
export interface Distribution {
  readonly id: string;
  readonly version: string;
}

/** Which package won a name that several packages can answer, and with what (update-alternatives(1)). */
export interface AlternativeOrigin {
  readonly name: string;
  /** Absent if a script computes it, which is not run. */
  readonly priority?: number;
  /** The others in play that offer the same name, best first. */
  readonly others: readonly { readonly package: string; readonly priority?: number }[];
}

/** A file that is needed and not there yet: a soname, or an absolute path (an interpreter, a NEEDED with a slash). */
export interface Wanted {
  readonly wanted: string;
  /** Canonical paths of the files that ask for it; empty when the plan itself asks. */
  readonly requiredBy: readonly string[];
  /** Nobody fails for want of it: it is not worth fetching packages that may not have it. */
  readonly optional?: boolean;
}

/** Where a path of the packages comes from. */
export interface Provenance {
  /** undefined for the merged links and for directories that no package names. */
  readonly package?: Package;
  /** Seconds since the epoch, 0 if no package has a time for it. */
  readonly modified: number;
  /** How a link came about that no package has and a maintainer script would make. */
  readonly alternative?: AlternativeOrigin;
}

/** The metadata that a file has in the image, from the package's own. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Extended attributes by name, values as raw bytes (`security.capability`, ...). */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Equal for two paths that are one file under two names (hard links). */
  readonly sameFile?: string;
}

/** Packages as the one file system that they would be when installed. */
export interface PackageRoot extends Root {
  describe(path: string): Provenance;
  /** Throws Failure if two packages have different things at this path, or if no package gives its owner a number. */
  ownershipOf(path: string): Ownership;
}

/**
 * The packages of one family and architecture. They are taken in one after another as files are asked for, and are seen
 * as one root; nothing is unpacked to disk and nothing in them is run.
 */
export interface PackageSource extends Disposable {
  readonly family: Family;
  /** The release that the packages belong to; undefined where their lists do not say. */
  readonly distribution: Distribution | undefined;
  /** What has been taken in so far, merged as the distribution merges it (`/lib` is a link to `usr/lib`). */
  readonly root: PackageRoot;
  /** The packages that the plan names, in its order. */
  readonly named: readonly Package[];
  /**
   * Takes in the packages that have these files. false when no further package could have any of them, true
   * when something was taken in: look again.
   */
  provide(needs: readonly Wanted[]): Promise<boolean>;
}
