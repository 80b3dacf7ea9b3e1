import path from "node:path";
import { hearWitness } from "./elf/ask-loader.ts";
import type { Closure, ClosureOptions } from "./elf/closure.ts";
import { nssLibraries } from "./elf/hints.ts";
import { cacheForImage, inspectClosures, remarks, requireSound } from "./elf/inspect.ts";
import { closeOver } from "./elf/provide.ts";
import { assemble, type StoredReferences } from "./image/assemble.ts";
import { findStored, fromBase } from "./image/base.ts";
import { Buildah } from "./image/buildah.ts";
import { openPlace } from "./image/builder.ts";
import { createdTime, type ImageDescription } from "./image/config.ts";
import { readContents } from "./image/contents.ts";
import { openBuildMemory } from "./image/memory.ts";
import { installPackages } from "./image/packages.ts";
import { makeDirectory } from "./packages/cache.ts";
import { openPackageLists } from "./packages/open.ts";
import { findPrograms } from "./packages/program.ts";
import type { PackageSource } from "./packages/source.ts";
import type { ImagePlan, OsImagePlan, Plan, ScratchImagePlan } from "./plan.ts";
import { recordOfInstalled } from "./report/installed.ts";
import { lockedRelease, requireLocked } from "./report/lock.ts";
import { type BuildRecord, recordLabels, recordOf } from "./report/record.ts";
import { layOut, layOutAdditions } from "./rootfs/layout.ts";
import { writeTar } from "./rootfs/tar.ts";
import { cacheDirectory } from "./system/cache-directory.ts";
import type { LockedRelease } from "./system/lock.ts";
import type { Log } from "./system/log.ts";
import type { Run } from "./system/run.ts";
import { version as toolVersion } from "./system/version.ts";
import { createWorkdir, type Workdir } from "./system/workdir.ts";

/** What a build leaves in the store, as `--json` prints it. */
export interface BuiltImage extends StoredReferences {
  /** The sum of the bytes of regular files. */
  readonly size: number;
  /** Regular files and symlinks. */
  readonly files: number;
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
}

export interface BuildOptions {
  /** How old package lists may be, in milliseconds. */
  readonly maxListAge: number;
  /** Build even what is there already. */
  readonly force: boolean;
  /** Ask the image's own loader as well, where it runs. */
  readonly witness: boolean;
}

export interface Tools {
  readonly run: Run;
  readonly log: Log;
}

/** Builds the plan's images side by side. When one fails the others are still finished or cleaned up before the failure is thrown. */
export async function buildImages(plan: Plan, options: BuildOptions, tools: Tools): Promise<readonly BuiltImage[]> {
  const results = await Promise.allSettled(plan.images.map((image) => buildImage(image, options, tools)));
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

function buildImage(plan: ImagePlan, options: BuildOptions, tools: Tools): Promise<BuiltImage> {
  switch (plan.kind) {
    case "scratch":
      return buildScratchImage(plan, options, tools);
    case "os":
      return buildOsImage(plan, options, tools);
  }
}

async function buildScratchImage(plan: ScratchImagePlan, options: BuildOptions, tools: Tools): Promise<BuiltImage> {
  await using workdir = await createWorkdir();
  const buildah = new Buildah(tools.run, workdir.path);
  await using place = await openPlace(plan.builder, await shared(cacheDirectory()), { buildah, run: tools.run });
  const lists = await openPackageLists({ ...plan, ...options, place, log: tools.log });
  const memory = openBuildMemory<BuiltImage>(builtDirectory(), [toolVersion, plan, lists.fingerprint], buildah);
  const known = options.force ? undefined : await memory.recall();
  if (known !== undefined) {
    tools.log.info(`nothing to do: ${known.references[0]} is up to date`);
    return known;
  }
  using source = await lists.open();
  const { closures, inspection, tree, record } = await compose(plan, source);
  if (plan.lock !== undefined) requireLocked(plan.lock, lockedRelease(plan, record, source));
  const rootfs = workdir.file("rootfs.tar");
  writeTar(tree, rootfs, record.created);
  tellRemarks(
    remarks(inspection, plan.considered, (path) => tree.get(path) !== undefined),
    tools.log,
  );
  if (options.witness) await callWitness(rootfs, closures, workdir, tools);
  await using container = await buildah.from("scratch");
  const stored = await assemble(plan, container, { ...record, rootfs, labels: recordLabels(record) }, buildah);
  const files = record.entries.filter(({ kind }) => kind !== "directory");
  const built = builtImage(stored, files, record);
  await memory.remember(built);
  return built;
}

/** What the image will be, from the packages to the record; nothing is written yet. */
async function compose(plan: ScratchImagePlan, source: PackageSource) {
  const { closures, view } = await closeOver(findPrograms(plan.binaries, source), source, closureOptions(plan));
  const inspection = inspectClosures(view, closures);
  requireSound(inspection, plan.considered);
  const tree = layOut(plan, closures, source, cacheForImage(view, closures));
  return { closures, inspection, tree, record: recordOf(plan, tree, source) };
}

/** The packages that scratch images would have something of now, for a lock; no image is made. Throws Failure. */
export async function lockPackages(
  plan: Plan,
  options: Pick<BuildOptions, "maxListAge">,
  tools: Tools,
): Promise<readonly LockedRelease[]> {
  const releases: LockedRelease[] = [];
  for (const image of plan.images) {
    if (image.kind !== "scratch") throw new Error("only scratch images are locked");
    await using workdir = await createWorkdir();
    const buildah = new Buildah(tools.run, workdir.path);
    await using place = await openPlace(image.builder, await shared(cacheDirectory()), { buildah, run: tools.run });
    const lists = await openPackageLists({ ...image, ...options, place, log: tools.log });
    using source = await lists.open();
    releases.push(lockedRelease(image, (await compose(image, source)).record, source));
  }
  return releases;
}

function closureOptions({ plugins, files, dlopen, service }: ScratchImagePlan): ClosureOptions {
  const nsswitch = files.find(({ path }) => path === "/etc/nsswitch.conf")?.content ?? "";
  const { LD_LIBRARY_PATH: libraryPath, LD_PRELOAD: preload } = service.environment;
  return {
    plugins: [...plugins, ...nssLibraries(nsswitch)],
    wantsDlopen: (feature, priority) => dlopen[feature ?? ""] ?? priority !== "suggested",
    ...(libraryPath === undefined ? {} : { libraryPath }),
    ...(preload === undefined ? {} : { preload }),
  };
}

function tellRemarks(sentences: readonly string[], log: Log): void {
  for (const sentence of sentences) log.info(sentence);
  if (sentences.length > 0)
    log.info("the recipe can include such files, or name what it has considered: scratch.considered");
}

async function callWitness(
  rootfs: string,
  closures: readonly Closure[],
  workdir: Workdir,
  { run, log }: Tools,
): Promise<void> {
  const directory = await workdir.directory("witness");
  await run(["tar", "--extract", "--no-same-owner", `--file=${rootfs}`, `--directory=${directory}`]);
  if (!(await hearWitness(directory, closures, run)))
    log.info("the image's own loader was not asked: this machine cannot run it");
}

async function buildOsImage(plan: OsImagePlan, options: BuildOptions, tools: Tools): Promise<BuiltImage> {
  await using workdir = await createWorkdir();
  const buildah = new Buildah(tools.run, workdir.path);
  const stored = await findStored(plan.base, plan.arch, buildah);
  const memoryOf = (base: ImageDescription) =>
    openBuildMemory<BuiltImage>(builtDirectory(), [toolVersion, plan, base.id], buildah);
  // Its repositories can only be asked from inside: an image is up to date as long as package lists are young enough.
  const known = stored === undefined || options.force ? undefined : await memoryOf(stored).recall(options.maxListAge);
  if (known !== undefined) {
    tools.log.info(`nothing to do: ${known.references[0]} is up to date`);
    return known;
  }
  await using container = await fromBase(plan, buildah);
  const base = await buildah.describe(plan.base);
  const time = plan.created ?? createdTime(base);
  const outside = await workdir.directory("outside");
  const installed = await installPackages(plan, container, buildah, { scratch: outside, time });
  const tree = layOutAdditions(plan);
  const record = recordOfInstalled(plan, tree, installed);
  const rootfs = workdir.file("rootfs.tar");
  writeTar(tree, rootfs, record.created);
  const assembled = await assemble(plan, container, { ...record, rootfs, labels: recordLabels(record) }, buildah);
  const contents = await readContents(assembled.id, workdir.file("layers"), buildah);
  const files = [...contents.values()].filter(
    ({ kind }) => kind === "file" || kind === "hardlink" || kind === "symlink",
  );
  const built = builtImage(assembled, files, record);
  await memoryOf(base).remember(built);
  return built;
}

/** A directory that a builder container can be given, for it must be there. */
async function shared(directory: string): Promise<string> {
  await makeDirectory(directory);
  return directory;
}

function builtDirectory(): string {
  return path.join(cacheDirectory(), "built");
}

function builtImage(
  stored: StoredReferences,
  files: readonly { readonly size?: number }[],
  { packages }: BuildRecord,
): BuiltImage {
  return {
    ...stored,
    size: files.reduce((sum, { size }) => sum + (size ?? 0), 0),
    files: files.length,
    packages: packages.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
  };
}
