import type { Companions } from "../closure/complete.ts";
import type { Evidence } from "../closure/evidence.ts";
import type { ClosureOptions } from "../loader/closure.ts";
import type { ScratchImagePlan } from "../plan/plan.ts";

/**
 * What the plan decides about how programs are loaded: the variables and files that ld.so(8) and nsswitch.conf(5) read, and what programs
 * open by themselves.
 */
export function loadingOf({ plugins, include, files, dlopen, service }: ScratchImagePlan): ClosureOptions {
  const contentOf = (name: string) => files.find(({ path }) => path === name)?.content;
  const { LD_LIBRARY_PATH: libraryPath, LD_PRELOAD: preload, PATH: searchPath } = service.environment;
  const preloadFile = "/etc/ld.so.preload";
  const nsswitch = contentOf("/etc/nsswitch.conf");
  return {
    plugins,
    wantsDlopen: (feature, priority) => dlopen[feature ?? ""] ?? priority !== "suggested",
    ...(nsswitch === undefined ? {} : { nsswitch }),
    ...(libraryPath === undefined ? {} : { libraryPath }),
    ...(preload === undefined ? {} : { preload }),
    ...(searchPath === undefined ? {} : { searchPath }),
    // The packages' own file is in the image, and in force, only if the recipe includes it.
    ...(include.includes(preloadFile) ? {} : { preloadFile: contentOf(preloadFile) ?? "" }),
  };
}

/** What the plan puts into the image besides its programs and needs libraries or interpreters. */
export function companionsOf({ include, files, ifMissing }: ScratchImagePlan): Companions {
  return {
    include,
    scripts: files.filter(({ mode }) => (mode & 0o111) !== 0),
    ...(ifMissing === undefined ? {} : { ifMissing }),
  };
}

const oldRuntime = "/var/run";

/** Whether the recipe or the service's own files use the old name of /run. */
export function namesVarRun(plan: ScratchImagePlan, { texts }: Evidence): boolean {
  if (plan.service.runtime.length === 0) return false;
  return JSON.stringify(plan).includes(oldRuntime) || texts(new RegExp(oldRuntime, "g")).length > 0;
}
