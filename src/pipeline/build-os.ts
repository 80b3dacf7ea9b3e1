import type { Remark } from "../closure/inspection.ts";
import { assemble } from "../image/assemble.ts";
import { baseReference, findStored, fromPlannedBase } from "../image/base.ts";
import type { Buildah, WorkingContainer } from "../image/buildah.ts";
import { createdTime, type ImageDescription } from "../image/config.ts";
import { readContents } from "../image/contents.ts";
import { notInherited } from "../image/inheritance.ts";
import { type Installed, installPackages } from "../install/install.ts";
import type { LockedBase } from "../lock/lock.ts";
import { lockedBase, requireLockedBase } from "../lock/locked.ts";
import type { OsImagePlan } from "../plan/plan.ts";
import { recordOfInstalled } from "../report/os-record.ts";
import { recordText } from "../report/record-text.ts";
import { layOutAdditions } from "../rootfs/layout.ts";
import { writeTar } from "../rootfs/tar.ts";
import type { Workdir } from "../system/workdir.ts";
import { type BuildOptions, type BuiltImage, builtImage, type Tools } from "./built-image.ts";
import { openSession } from "./session.ts";

/** Builds an image of a base with packages installed into it; with what it does not inherit from the base. Throws Failure. */
export async function buildOsImage(
  plan: OsImagePlan,
  options: BuildOptions,
  tools: Tools,
): Promise<{ readonly image: BuiltImage; readonly remarks: readonly Remark[] }> {
  await using session = await openSession(tools);
  const { buildah, workdir } = session;
  const stored = await findStored(baseReference(plan), plan.arch, buildah);
  const cacheFor = (base: ImageDescription) => session.buildCache(plan, [base.id]);
  // Its repositories can only be asked from inside: without a lock an image is up to date as long as package lists are young enough.
  const maxAge = plan.lock === undefined ? options.maxListAge : undefined;
  const known = stored === undefined || options.force ? undefined : await cacheFor(stored).recall(maxAge);
  if (known !== undefined) {
    tools.log.info(`nothing to do: ${known.references[0]} is up to date`);
    return { image: known, remarks: [] };
  }
  await using container = await fromPlannedBase(plan, buildah);
  const { base, installed } = await install(plan, container, buildah, workdir);
  if (plan.lock !== undefined) requireLockedBase(plan.lock, lockedBase(plan, base, installed));
  const tree = layOutAdditions(plan);
  const record = recordOfInstalled(plan, tree, installed);
  const rootfs = workdir.file("rootfs.tar");
  writeTar(tree, rootfs, record.created);
  await buildah.makeDistinct(container);
  const content = { ...record, rootfs, recordText: recordText(record), base };
  const assembled = await assemble(plan, container, content, session);
  const contents = await readContents(assembled.id, workdir.file("layers"), buildah);
  const files = [...contents.values()].filter(
    ({ kind }) => kind === "file" || kind === "hardlink" || kind === "symlink",
  );
  const built = builtImage(assembled, files, record);
  await cacheFor(base).remember(built);
  const lost = notInherited(plan, base);
  return { image: built, remarks: lost === undefined ? [] : [{ about: lost, sentence: lost, open: false }] };
}

/** What an OS-based image would be made of now; its packages are installed, and no image is made. Throws Failure. */
export async function lockOsImage(plan: OsImagePlan, tools: Tools): Promise<LockedBase> {
  await using session = await openSession(tools);
  const { buildah, workdir } = session;
  await using container = await fromPlannedBase(plan, buildah);
  const { base, installed } = await install(plan, container, buildah, workdir);
  return lockedBase(plan, base, installed);
}

async function install(
  plan: OsImagePlan,
  container: WorkingContainer,
  buildah: Buildah,
  workdir: Workdir,
): Promise<{ readonly base: ImageDescription; readonly installed: Installed }> {
  const base = await buildah.describeBase(container);
  const time = plan.created ?? createdTime(base);
  const scratch = await workdir.directory("outside");
  return { base, installed: await installPackages(plan, container, buildah, { scratch, time }) };
}
