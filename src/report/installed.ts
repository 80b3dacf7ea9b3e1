import type { InstalledPackage } from "../image/packages.ts";
import type { Distribution } from "../packages/source.ts";
import type { OsImagePlan } from "../plan.ts";
import type { Tree } from "../rootfs/tree.ts";
import { Failure } from "../system/errors.ts";
import { refuseUnexplained } from "./explanation.ts";
import { licenseExpression } from "./license.ts";
import { type BuildRecord, entryRecord, type PackageRecord } from "./record.ts";

/** The record of an OS-based image, from its package database and what was added to it. Throws Failure. */
export function recordOfInstalled(plan: OsImagePlan, tree: Tree, installed: readonly InstalledPackage[]): BuildRecord {
  const { image: _image, ...content } = plan;
  const service = installed.find(({ name }) => name === plan.packages[0]);
  if (service === undefined) {
    throw new Failure(`cannot find ${plan.packages[0]} among the installed packages of ${plan.base}`, {
      hint: "the recipe's first package in fedora.packages must be the service's own, by its real name",
    });
  }
  const distribution = distributionOf(installed);
  const record: BuildRecord = {
    recordVersion: 1,
    plan: content,
    version: service.upstreamVersion,
    created: plan.created ?? Math.max(...installed.map(({ built }) => built)),
    ...(distribution === undefined ? {} : { distribution }),
    packages: installed.map(packageRecord),
    entries: tree.entries().map(entryRecord),
  };
  refuseUnexplained(record);
  return record;
}

/** From the package that makes a base what it is: `fedora-release-common` 44. */
function distributionOf(installed: readonly InstalledPackage[]): Distribution | undefined {
  const release = installed.find(({ name }) => /^[a-z]+-release(-common)?$/.test(name));
  return release === undefined ? undefined : { id: release.name.replace(/-.*$/, ""), version: release.upstreamVersion };
}

function packageRecord(installed: InstalledPackage): PackageRecord {
  const { name, version, upstreamVersion, arch, sourceFile, license, sha256 } = installed;
  const expression = licenseExpression(license === "" ? [] : [license]);
  const source = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(sourceFile);
  return {
    name,
    version,
    upstreamVersion,
    arch,
    source: { name: source?.[1] ?? name, version: source?.[2] ?? version },
    sha256,
    ...(expression === undefined ? {} : { license: expression }),
  };
}
