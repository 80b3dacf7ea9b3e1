import { completeClosure } from "../closure/complete.ts";
import { type Evidence, evidenceOf } from "../closure/evidence.ts";
import { inspectClosures, type Remark, remarksOn, requireSound } from "../closure/inspection.ts";
import { cacheForImage } from "../closure/ldconfig.ts";
import { assemble } from "../image/assemble.ts";
import { Buildah } from "../image/buildah.ts";
import { openPackageHost } from "../image/builder.ts";
import type { Closure, ClosureOptions } from "../loader/closure.ts";
import { crossCheckWithLoader, type LoaderCheck } from "../loader/cross-check.ts";
import type { LockedRelease } from "../lock/lock.ts";
import { lockedRelease, requireLocked } from "../lock/locked.ts";
import { makeDirectory } from "../packages/cache.ts";
import { openPackageLists, type PackageLists } from "../packages/open.ts";
import { findPrograms } from "../packages/program.ts";
import type { PackageSource } from "../packages/source.ts";
import type { ScratchImagePlan } from "../plan/plan.ts";
import { recordText } from "../report/record-text.ts";
import { recordOf } from "../report/scratch-record.ts";
import { layOut } from "../rootfs/layout.ts";
import { writeTar } from "../rootfs/tar.ts";
import type { Tree } from "../rootfs/tree.ts";
import { unpackForLoader } from "../rootfs/unpack.ts";
import { both, together } from "../system/together.ts";
import { cacheDirectory } from "../system/user-directories.ts";
import { createWorkdir } from "../system/workdir.ts";
import { type BuildOptions, type BuiltImage, builtImage, builtMemory, type Tools } from "./built-image.ts";

/** Builds an image that has the service's files and nothing else; with what a person should consider about it. Throws Failure. */
export async function buildScratchImage(
  plan: ScratchImagePlan,
  options: BuildOptions,
  tools: Tools,
): Promise<{ readonly image: BuiltImage; readonly remarks: readonly Remark[] }> {
  await using workdir = await createWorkdir();
  const buildah = new Buildah(tools.run, workdir.path);
  const stored = options.force ? Promise.resolve([]) : buildah.images();
  // Asked for ahead of time; what is wrong with it is told where it is needed.
  stored.catch(() => {});
  await using place = await openPackageHost(plan.builder, await shared(cacheDirectory()), { buildah, run: tools.run });
  const lists = await openPackageLists({ ...plan, ...options, place, log: tools.log });
  const memory = builtMemory(plan, [lists.fingerprint], () => stored);
  const known = options.force ? undefined : await memory.recall();
  if (known !== undefined && !(options.loaderCheck && known.loaderCheck === "skipped")) {
    tools.log.info(`nothing to do: ${known.references[0]} is up to date`);
    return { image: known, remarks: [] };
  }
  // The container is made while the packages are opened.
  const [container, opened] = await together(buildah.fromScratch(), open(plan, lists));
  await using _ = container;
  const { closures, remarks, tree, record } = opened;
  using source = opened.source;
  if (plan.lock !== undefined) requireLocked(plan.lock, lockedRelease(plan, tree, source.distribution));
  const rootfs = workdir.file("rootfs.tar");
  const directory = await workdir.directory("loader-check");
  const [loaderCheck] = await both(
    () => (options.loaderCheck ? crossCheck(plan, tree, closures, directory, tools) : ("skipped" as const)),
    () => writeTar(tree, rootfs, record.created),
  );
  const content = { ...record, rootfs, recordText: recordText(record) };
  const named = await assemble(plan, container, content, { buildah, workdir });
  const files = record.entries.filter(({ kind }) => kind !== "directory");
  const image = { ...builtImage(named, files, record), loaderCheck };
  await memory.remember(image);
  return { image, remarks };
}

/** What a scratch image would be made of now; none is made. Throws Failure. */
export async function lockScratchImage(
  plan: ScratchImagePlan,
  options: Pick<BuildOptions, "maxListAge">,
  tools: Tools,
): Promise<LockedRelease> {
  await using workdir = await createWorkdir();
  const buildah = new Buildah(tools.run, workdir.path);
  await using place = await openPackageHost(plan.builder, await shared(cacheDirectory()), { buildah, run: tools.run });
  const lists = await openPackageLists({ ...plan, ...options, place, log: tools.log });
  const { source, tree } = await open(plan, lists);
  using _ = source;
  return lockedRelease(plan, tree, source.distribution);
}

/** The packages, and what the image will be; they are closed again where it cannot be. */
async function open(plan: ScratchImagePlan, lists: PackageLists) {
  const source = await lists.open();
  try {
    return { source, ...(await compose(plan, source)) };
  } catch (error) {
    source[Symbol.dispose]();
    throw error;
  }
}

/** What the image will be, from the packages to the record; nothing is written yet. */
async function compose(plan: ScratchImagePlan, source: PackageSource) {
  const programs = await findPrograms(plan.binaries, source);
  const closed = await completeClosure(programs, source, closureOptions(plan), {
    include: plan.include,
    scripts: plan.files.filter(({ mode }) => (mode & 0o111) !== 0),
    ...(plan.ifMissing === undefined ? {} : { ifMissing: plan.ifMissing }),
  });
  const { closures, included, view } = closed;
  const evidence = evidenceOf(view, closures, source.root, plan.service.environment);
  const inspection = inspectClosures(closed, evidence);
  requireSound(inspection, plan.ignoreHints);
  const cache = cacheForImage(view, [...closures, ...included]);
  const tree = layOut(plan, { ...closed, cache, namesVarRun: namesVarRun(plan, evidence) }, source);
  const remarks = remarksOn(inspection, plan.ignoreHints, (path) => tree.get(tree.resolve(path)) !== undefined);
  const dlopen = [...closures, ...included].flatMap((closure) => closure.dlopen);
  return { closures, remarks, tree, record: recordOf(plan, tree, source, dlopen) };
}

/** Whether the recipe or the service's own files have the old name of /run in them. */
function namesVarRun(plan: ScratchImagePlan, { texts }: Evidence): boolean {
  if (plan.service.runtime.length === 0) return false;
  return JSON.stringify(plan).includes(oldRuntime) || texts(new RegExp(oldRuntime, "g")).length > 0;
}

const oldRuntime = "/var/run";

/** What the recipe says of the programs' environment, and of what they open by themselves. */
function closureOptions({ plugins, include, files, dlopen, service }: ScratchImagePlan): ClosureOptions {
  const contentOf = (wanted: string) => files.find(({ path }) => path === wanted)?.content;
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
    // The packages' own one is in the image, and in force, only where it is asked for.
    ...(include.includes(preloadFile) ? {} : { preloadFile: contentOf(preloadFile) ?? "" }),
  };
}

async function crossCheck(
  plan: ScratchImagePlan,
  tree: Tree,
  closures: readonly Closure[],
  directory: string,
  { run, log }: Tools,
): Promise<LoaderCheck> {
  unpackForLoader(tree, directory);
  const loaderCheck = await crossCheckWithLoader(directory, closures, closureOptions(plan), run);
  if (loaderCheck === "not asked")
    log.info(`the image's own loader was not asked: there is none, or programs of ${plan.arch} do not run here`);
  return loaderCheck;
}

/** A directory that a builder container can be given, for it must be there. */
async function shared(directory: string): Promise<string> {
  await makeDirectory(directory);
  return directory;
}
