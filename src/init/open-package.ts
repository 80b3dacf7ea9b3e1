import { openPackageLists } from "../packages/open.ts";
import type { PackageSource } from "../packages/source.ts";
import { hostArch } from "../system/arch.ts";
import { usageFailure } from "../system/errors.ts";
import type { Family } from "../system/family.ts";
import type { Log } from "../system/log.ts";
import { hostFamily } from "../system/os-release.ts";
import { hostPlace } from "../system/place.ts";
import type { Run } from "../system/run.ts";

/** How old package lists may be for a first look, in milliseconds. */
const maxListAge = 24 * 60 * 60 * 1000;

/** A package and what it depends on, of this host's family unless another one is named. Throws Failure. */
export async function openPackage(
  name: string,
  from: Family | undefined,
  { run, log }: { readonly run: Run; readonly log: Log },
): Promise<PackageSource> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(name))
    throw usageFailure(`cannot look into the package '${name}': that is no package's name`);
  const family = from ?? (await hostFamily()) ?? "debian";
  const arch = hostArch() ?? "x86_64";
  const lists = await openPackageLists({ family, arch, packages: [name], maxListAge, place: hostPlace(run), log });
  return lists.open();
}
