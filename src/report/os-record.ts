import type { AddedPackage, Installed, InstalledPackage } from "../install/install.ts";
import type { OsImagePlan } from "../plan/plan.ts";
import type { Tree } from "../rootfs/tree.ts";
import { Failure } from "../system/errors.ts";
import { releaseOf } from "../system/os-release.ts";
import { refuseUnexplained } from "./explanation.ts";
import { licenseExpression } from "./license.ts";
import { type BuildRecord, entryRecord, type PackageRecord, recordedPlan } from "./record.ts";

/** The record of an OS-based image, from its package database, its os-release and what was added to it. Throws Failure. */
export function recordOfInstalled(
  plan: OsImagePlan,
  tree: Tree,
  { packages, added, osRelease, owner }: Installed,
): BuildRecord {
  const service =
    packages.find(({ name, arch }) => name === owner?.name && arch === owner.arch) ??
    packages.find(({ name }) => name === plan.packages[0]);
  if (service === undefined) {
    throw new Failure(`cannot find ${plan.packages[0]} among the installed packages of ${plan.base}`, {
      hint: "the recipe's first package in fedora.packages must be the service's own, by its real name",
    });
  }
  const distribution = releaseOf(osRelease);
  const record: BuildRecord = {
    plan: recordedPlan(plan),
    version: service.upstreamVersion,
    created: plan.created ?? Math.max(...packages.map(({ built }) => built)),
    ...(distribution === undefined ? {} : { distribution }),
    packages: packages.map((each) =>
      packageRecord(
        each,
        added.find(({ sha256 }) => sha256 === each.sha256),
      ),
    ),
    entries: tree.entries().map(entryRecord),
  };
  refuseUnexplained(record, plan);
  return record;
}

function packageRecord(installed: InstalledPackage, added: AddedPackage | undefined): PackageRecord {
  const { name, version, upstreamVersion, arch, sourceFile, license, bundled, sha256 } = installed;
  const expression = licenseExpression(license === "" ? [] : [license]);
  const source = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(sourceFile);
  return {
    name,
    version,
    upstreamVersion,
    arch,
    source: { name: source?.[1] ?? name, version: source?.[2] ?? version },
    ...(bundled === undefined ? {} : { builtIn: { Provides: bundled } }),
    sha256,
    ...(expression === undefined ? {} : { license: expression }),
    ...(added === undefined ? {} : { requiredBy: added.requiredBy }),
  };
}
