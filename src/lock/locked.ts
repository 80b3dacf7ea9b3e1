import type { ImageDescription } from "../image/config.ts";
import type { Installed } from "../install/install.ts";
import type { Distribution } from "../packages/source.ts";
import type { OsImagePlan, ScratchImagePlan } from "../plan/plan.ts";
import type { Tree } from "../rootfs/tree.ts";
import type { Arch } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import {
  baseDifferences,
  differenceTable,
  type LockDifference,
  type LockedBase,
  type LockedRelease,
  lockDifferences,
  releaseText,
} from "./lock.ts";

/** What a lock keeps of an image, which is the packages that its tree has something of. */
export function lockedRelease(
  { family, arch }: Pick<ScratchImagePlan, "family" | "arch">,
  tree: Pick<Tree, "packages">,
  distribution: Distribution | undefined,
): LockedRelease {
  return {
    family,
    release: releaseText(distribution),
    arch,
    packages: tree
      .packages()
      .map(({ name, version, sha256, size, archivePath: from }) => ({ name, version, sha256, size, from })),
  };
}

/** What a lock keeps of an OS-based image: its base, and what was installed into it. */
export function lockedBase(
  { base, arch }: Pick<OsImagePlan, "base" | "arch">,
  { digest }: Pick<ImageDescription, "digest">,
  { added }: Pick<Installed, "added">,
): LockedBase {
  const packages = added.map(({ name, version, arch, sha256 }) => ({ name, version, arch, sha256 }));
  return { base, digest, arch, packages };
}

/** Throws Failure with a table where an image is made of other packages than its release's lock. */
export function requireLocked(lock: readonly LockedRelease[], found: LockedRelease): void {
  const locked = lock.find(({ release }) => release === found.release);
  refuseDifferent(found.arch, lockDifferences(locked?.packages ?? [], found.packages), "dhcpd-build lock");
}

/** Throws Failure with a table where other packages were installed than those of the lock. */
export function requireLockedBase(lock: LockedBase, found: LockedBase): void {
  refuseDifferent(found.arch, baseDifferences(lock, found), "dhcpd-build lock fedora");
}

function refuseDifferent(arch: Arch, differences: readonly LockDifference[], command: string): void {
  if (differences.length === 0) return;
  throw new Failure(
    `cannot build for ${arch} from the lock: the image has other packages\n${differenceTable(differences)}`,
    { hint: `to take what there is now: ${command}; for one package: ${command} --update PACKAGE` },
  );
}
