import type { DlopenDecision } from "../loader/closure.ts";
import type { Package, PackageSource } from "../packages/source.ts";
import type { ScratchImagePlan } from "../plan/plan.ts";
import type { Tree } from "../rootfs/tree.ts";
import { refuseUnexplained } from "./explanation.ts";
import { licenseExpression } from "./license.ts";
import { type BuildRecord, entryRecord, type PackageRecord, recordedPlan } from "./record.ts";

/**
 * Everything about an image that its plan became, as data. Sizes in bytes, hashes in lower-case hex. `named` are the packages that the plan
 * names. Throws if something in the image has no explanation, or an explanation names something that is not there. The builder is wrong
 * then, and nothing may be built.
 */
export function recordOf(
  plan: ScratchImagePlan,
  tree: Tree,
  { named, distribution }: Pick<PackageSource, "named" | "distribution">,
  dlopen: readonly DlopenDecision[] = [],
): BuildRecord {
  const entries = tree.entries();
  const record: BuildRecord = {
    plan: recordedPlan(plan),
    version: (servicePackage(plan, tree) ?? named[0])?.upstreamVersion ?? "0",
    created: plan.created ?? Math.max(0, ...entries.map(({ modified = 0 }) => modified)),
    ...(distribution === undefined ? {} : { distribution }),
    packages: tree.packages().map(packageRecord),
    ...(dlopen.length === 0 ? {} : { dlopen: distinct(dlopen) }),
    entries: entries.map(entryRecord),
  };
  refuseUnexplained(record, plan);
  return record;
}

/** The package that has the service's program; undefined for a program that the recipe itself gives. */
function servicePackage({ service }: ScratchImagePlan, tree: Tree): Package | undefined {
  return tree.get(tree.resolve(service.command[0] ?? "/"))?.package;
}

/** Two programs may have the same library, which decides the same. */
function distinct(decisions: readonly DlopenDecision[]): readonly DlopenDecision[] {
  return [...new Map(decisions.map((each) => [JSON.stringify(each), each])).values()];
}

/** The archive's path is for locks alone. */
function packageRecord({ licenses, archivePath: _, ...from }: Package): PackageRecord {
  const license = licenseExpression(licenses);
  return license === undefined ? from : { ...from, license };
}
