import type { DlopenDecision } from "../loader/closure.ts";
import type { Package, PackageSource } from "../packages/source.ts";
import type { ScratchImagePlan } from "../plan/plan.ts";
import type { Tree } from "../rootfs/tree.ts";
import { locate } from "../system/root.ts";
import { refuseUnexplained } from "./explanation.ts";
import { licenseExpression } from "./license.ts";
import { type BuildRecord, entryRecord, type PackageRecord, recordedPlan } from "./record.ts";

type Origin = Pick<PackageSource, "root" | "packageOf" | "modifiedOf" | "named" | "licensesOf" | "distribution">;

/**
 * Everything about an image that its plan became, as data. Sizes in bytes, hashes in lower-case hex. Throws where something in the image
 * has no explanation, or an explanation names something that is not there: then the builder is wrong, and nothing may be built.
 */
export function recordOf(
  plan: ScratchImagePlan,
  tree: Tree,
  source: Origin,
  dlopen: readonly DlopenDecision[] = [],
): BuildRecord {
  const entries = tree.entries();
  const packages = new Map<string, Package>();
  for (const entry of entries) {
    const from = source.packageOf(entry.path);
    if (entry.package !== undefined && from !== undefined) packages.set(from.name, from);
  }
  const record: BuildRecord = {
    plan: recordedPlan(plan),
    version: servicePackage(plan, source)?.upstreamVersion ?? "0",
    created: plan.created ?? Math.max(0, ...entries.map(({ path }) => source.modifiedOf(path))),
    ...(source.distribution === undefined ? {} : { distribution: source.distribution }),
    packages: [...packages.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((each) => packageRecord(each, licenseExpression(source.licensesOf(each)))),
    ...(dlopen.length === 0 ? {} : { dlopen: distinct(dlopen) }),
    entries: entries.map(entryRecord),
  };
  refuseUnexplained(record, plan);
  return record;
}

/** The package that has the service's program; of a program that the recipe itself gives, the first that the recipe names. */
function servicePackage({ service }: ScratchImagePlan, source: Origin): Package | undefined {
  const program = locate(source.root, service.command[0] ?? "/");
  return (program && source.packageOf(program.path)) ?? source.named[0];
}

/** Two programs may have the same library, which decides the same. */
function distinct(decisions: readonly DlopenDecision[]): readonly DlopenDecision[] {
  return [...new Map(decisions.map((each) => [JSON.stringify(each), each])).values()];
}

function packageRecord(from: Package, license: string | undefined): PackageRecord {
  return license === undefined ? from : { ...from, license };
}
