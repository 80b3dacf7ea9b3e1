import { completeClosure } from "../closure/complete.ts";
import { evidenceOf } from "../closure/evidence.ts";
import { inspectClosures, type Remark, remarksOn, requireSound } from "../closure/inspection.ts";
import { cacheForImage } from "../closure/ldconfig.ts";
import { assemble } from "../image/assemble.ts";
import type { Closure } from "../loader/closure.ts";
import { crossCheckWithLoader, type LoaderCheck } from "../loader/cross-check.ts";
import type { LockedRelease } from "../lock/lock.ts";
import { lockedRelease, requireLocked } from "../lock/locked.ts";
import { findPrograms } from "../packages/program.ts";
import type { PackageSource } from "../packages/source.ts";
import type { ScratchImagePlan } from "../plan/plan.ts";
import { recordText } from "../report/record-text.ts";
import { recordOf } from "../report/scratch-record.ts";
import { layOut } from "../rootfs/layout.ts";
import { writeTar } from "../rootfs/tar.ts";
import type { Tree } from "../rootfs/tree.ts";
import { unpackForLoader } from "../rootfs/unpack.ts";
import { type BuildOptions, type BuiltImage, builtImage, type Tools } from "./built-image.ts";
import { companionsOf, loadingOf, namesVarRun } from "./loading.ts";
import { openSession } from "./session.ts";

/** Builds an image that has only the service's files; with what a person should consider about it. Throws Failure. */
export async function buildScratchImage(
  plan: ScratchImagePlan,
  options: BuildOptions,
  tools: Tools,
): Promise<{ readonly image: BuiltImage; readonly remarks: readonly Remark[] }> {
  await using session = await openSession(tools);
  // Listed while the package lists are opened.
  if (!options.force) session.images();
  const lists = await session.openPackageLists(plan, options);
  const cache = session.buildCache(plan, [lists.fingerprint]);
  const known = options.force ? undefined : await cache.recall();
  if (known !== undefined && !(options.loaderCheck && known.loaderCheck === "skipped")) {
    tools.log.info(`nothing to do: ${known.references[0]} is up to date`);
    return { image: known, remarks: [] };
  }
  const container = session.container();
  const source = await session.openPackages(lists);
  const { tree, closures, dlopen, remarks } = await treeOf(plan, source);
  if (plan.lock !== undefined) requireLocked(plan.lock, lockedRelease(plan, tree, source.distribution));
  const record = recordOf(plan, tree, source, dlopen);
  const directory = await session.workdir.directory("loader-check");
  const loaderCheck: LoaderCheck | "skipped" = options.loaderCheck
    ? await crossCheck(plan, tree, closures, directory, tools)
    : "skipped";
  const rootfs = session.workdir.file("rootfs.tar");
  writeTar(tree, rootfs, record.created);
  const content = { ...record, rootfs, recordText: recordText(record) };
  const stored = await assemble(plan, await container, content, session);
  const files = record.entries.filter(({ kind }) => kind !== "directory");
  const image = { ...builtImage(stored, files, record), loaderCheck };
  await cache.remember(image);
  return { image, remarks };
}

/** What a scratch image would be made of now; no image is made. Throws Failure. */
export async function lockScratchImage(
  plan: ScratchImagePlan,
  options: Pick<BuildOptions, "maxListAge">,
  tools: Tools,
): Promise<LockedRelease> {
  await using session = await openSession(tools);
  const source = await session.openPackages(await session.openPackageLists(plan, options));
  const { tree } = await treeOf(plan, source);
  return lockedRelease(plan, tree, source.distribution);
}

/** The stages that a build and a lock share, from the packages to the image's tree. Throws Failure. */
async function treeOf(plan: ScratchImagePlan, source: PackageSource) {
  const programs = await findPrograms(plan.binaries, source);
  const closed = await completeClosure(programs, source, loadingOf(plan), companionsOf(plan));
  const { closures, included, view } = closed;
  const evidence = evidenceOf(view, closures, source.root, plan.service.environment);
  const inspection = inspectClosures(closed, evidence);
  requireSound(inspection, plan.ignoreHints);
  const cache = cacheForImage(view, [...closures, ...included]);
  const tree = layOut(plan, { ...closed, cache, namesVarRun: namesVarRun(plan, evidence) }, source);
  const remarks = remarksOn(inspection, plan.ignoreHints, (path) => tree.get(tree.resolve(path)) !== undefined);
  return { tree, closures, dlopen: [...closures, ...included].flatMap(({ dlopen }) => dlopen), remarks };
}

async function crossCheck(
  plan: ScratchImagePlan,
  tree: Tree,
  closures: readonly Closure[],
  directory: string,
  { run, log }: Tools,
): Promise<LoaderCheck> {
  unpackForLoader(tree, directory);
  const loaderCheck = await crossCheckWithLoader(directory, closures, loadingOf(plan), run);
  if (loaderCheck === "not asked")
    log.info(`the image's own loader was not asked: there is none, or programs of ${plan.arch} do not run here`);
  return loaderCheck;
}
