import path from "node:path";
import { hearWitness, type Witness } from "./elf/ask-loader.ts";
import type { Closure, ClosureOptions } from "./elf/closure.ts";
import { nssLibraries } from "./elf/hints.ts";
import { cacheForImage } from "./elf/image-cache.ts";
import { inspectClosures, requireSound } from "./elf/inspect.ts";
import { closeOver } from "./elf/provide.ts";
import { type Remark, remarksOn, tellRemarks } from "./elf/remarks.ts";
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
import type { Tree } from "./rootfs/tree.ts";
import { unpackForLoader } from "./rootfs/unpack.ts";
import { cacheDirectory } from "./system/cache-directory.ts";
import type { LockedRelease } from "./system/lock.ts";
import type { Log } from "./system/log.ts";
import type { Run } from "./system/run.ts";
import { both, together } from "./system/together.ts";
import { version as toolVersion } from "./system/version.ts";
import { createWorkdir } from "./system/workdir.ts";

/** What a build leaves in the store, as `--json` prints it. */
export interface BuiltImage extends StoredReferences {
  /** The sum of the bytes of regular files. */
  readonly size: number;
  /** Regular files and symlinks. */
  readonly files: number;
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
  /** Whether the image's own loader was asked about the closure. No part of the image, whose digest may not depend on it. */
  readonly witness?: Witness | "skipped";
}

interface Built {
  readonly image: BuiltImage;
  readonly remarks: readonly Remark[];
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
  const built = results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
  tellRemarks(
    built.flatMap(({ remarks }) => remarks),
    tools.log,
  );
  return built.map(({ image }) => image);
}

async function buildImage(plan: ImagePlan, options: BuildOptions, tools: Tools): Promise<Built> {
  switch (plan.kind) {
    case "scratch":
      return buildScratchImage(plan, options, tools);
    case "os":
      return { image: await buildOsImage(plan, options, tools), remarks: [] };
  }
}

async function buildScratchImage(plan: ScratchImagePlan, options: BuildOptions, tools: Tools): Promise<Built> {
  await using workdir = await createWorkdir();
  const buildah = new Buildah(tools.run, workdir.path);
  const stored = options.force ? Promise.resolve([]) : buildah.images();
  // Asked for ahead of time; what is wrong with it is told where it is needed.
  stored.catch(() => {});
  await using place = await openPlace(plan.builder, await shared(cacheDirectory()), { buildah, run: tools.run });
  const lists = await openPackageLists({ ...plan, ...options, place, log: tools.log });
  const memory = openBuildMemory<BuiltImage>(builtDirectory(), [toolVersion, plan, lists.fingerprint], () => stored);
  const known = options.force ? undefined : await memory.recall();
  if (known !== undefined && !(options.witness && known.witness === "skipped")) {
    tools.log.info(`nothing to do: ${known.references[0]} is up to date`);
    return { image: known, remarks: [] };
  }
  using source = await lists.open();
  const [container, composed] = await together(buildah.from("scratch"), compose(plan, source));
  await using _ = container;
  const { closures, remarks, tree, record } = composed;
  if (plan.lock !== undefined) requireLocked(plan.lock, lockedRelease(plan, record, source));
  const rootfs = workdir.file("rootfs.tar");
  const directory = await workdir.directory("witness");
  const [witness] = await both(
    () => (options.witness ? callWitness(plan, tree, closures, directory, tools) : ("skipped" as const)),
    () => writeTar(tree, rootfs, record.created),
  );
  const named = await assemble(plan, container, { ...record, rootfs, labels: recordLabels(record) }, buildah);
  const files = record.entries.filter(({ kind }) => kind !== "directory");
  const image = { ...builtImage(named, files, record), witness };
  await memory.remember(image);
  return { image, remarks };
}

/** What the image will be, from the packages to the record; nothing is written yet. */
async function compose(plan: ScratchImagePlan, source: PackageSource) {
  const programs = await findPrograms(plan.binaries, source);
  const closed = await closeOver(programs, source, closureOptions(plan), plan.include);
  const inspection = inspectClosures(closed);
  requireSound(inspection, plan.considered);
  const { closures, included, view } = closed;
  const tree = layOut(plan, { ...closed, cache: cacheForImage(view, [...closures, ...included]) }, source);
  const remarks = remarksOn(inspection, plan.considered, (path) => tree.get(path) !== undefined);
  const dlopen = [...closures, ...included].flatMap((closure) => closure.dlopen);
  return { closures, remarks, tree, record: recordOf(plan, tree, source, dlopen) };
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

/** What the recipe says of the programs' environment, and of what they open by themselves. */
function closureOptions({ plugins, include, files, dlopen, service }: ScratchImagePlan): ClosureOptions {
  const contentOf = (wanted: string) => files.find(({ path }) => path === wanted)?.content;
  const { LD_LIBRARY_PATH: libraryPath, LD_PRELOAD: preload, PATH: searchPath } = service.environment;
  const preloadFile = "/etc/ld.so.preload";
  return {
    plugins: [...plugins, ...nssLibraries(contentOf("/etc/nsswitch.conf") ?? "")],
    wantsDlopen: (feature, priority) => dlopen[feature ?? ""] ?? priority !== "suggested",
    ...(libraryPath === undefined ? {} : { libraryPath }),
    ...(preload === undefined ? {} : { preload }),
    ...(searchPath === undefined ? {} : { searchPath }),
    // The packages' own one is in the image, and in force, only where it is asked for.
    ...(include.includes(preloadFile) ? {} : { preloadFile: contentOf(preloadFile) ?? "" }),
  };
}

async function callWitness(
  plan: ScratchImagePlan,
  tree: Tree,
  closures: readonly Closure[],
  directory: string,
  { run, log }: Tools,
): Promise<Witness> {
  unpackForLoader(tree, directory);
  const witness = await hearWitness(directory, closures, closureOptions(plan), run);
  if (witness === "not asked")
    log.info(`the image's own loader was not asked: there is none, or programs of ${plan.arch} do not run here`);
  return witness;
}

async function buildOsImage(plan: OsImagePlan, options: BuildOptions, tools: Tools): Promise<BuiltImage> {
  await using workdir = await createWorkdir();
  const buildah = new Buildah(tools.run, workdir.path);
  const stored = await findStored(plan.base, plan.arch, buildah);
  const memoryOf = (base: ImageDescription) =>
    openBuildMemory<BuiltImage>(builtDirectory(), [toolVersion, plan, base.id], () => buildah.images());
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
