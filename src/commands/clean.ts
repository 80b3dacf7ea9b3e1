import type { Command } from "commander";
import { Buildah } from "../image/buildah.ts";
import { Podman } from "../image/podman.ts";
import { removeLeftSandboxes } from "../proof/sandbox/runtime.ts";
import { endLeftoverProcesses } from "../system/children.ts";
import type { CommandContext } from "../system/context.ts";
import { removeControlGroups } from "../system/control-groups.ts";
import { Failure } from "../system/errors.ts";
import { removeOwn } from "../system/own-files.ts";
import { CommandFailure } from "../system/run.ts";
import { cacheDirectory } from "../system/user-directories.ts";
import { isLeftover, leftoversIn, workdirBase } from "../system/workdir.ts";

/** `clean`: removes what builds and checks that were killed left behind; what a running build uses stays, by its name. */
export function addCleanCommand(command: Command, context: CommandContext): void {
  command
    .option("--cache", "also remove cached package lists and downloads")
    .action(async (flags: { cache?: true }) => {
      await endLeftoverProcesses(context.run);
      await removeSandboxes(context);
      const removed = [
        ...(await removeContainers(context)),
        ...(await removeDrafts(context)),
        ...(await removeFiles(flags.cache ?? false, context)),
      ];
      for (const each of removed) context.print(each);
      if (removed.length === 0) context.log.info("nothing to clean");
    });
}

/** What `prove` ran in sandboxes: their state lies in the work directories. */
async function removeSandboxes({ run }: CommandContext): Promise<void> {
  for (const workdir of await leftoversIn(workdirBase())) await removeLeftSandboxes(workdir, run);
  await removeControlGroups(isLeftover, run);
}

/** buildah's working containers, and what a check left in podman. A volume goes after the container that uses it. */
async function removeContainers({ run }: CommandContext): Promise<readonly string[]> {
  const buildah = new Buildah(run);
  const podman = new Podman(run);
  const working = (await emptyIfNotInstalled(buildah.containers())).filter(isLeftover);
  const all = await emptyIfNotInstalled(podman.containers());
  // podman shows buildah's, too.
  const checked = all.filter((name) => isLeftover(name) && !working.includes(name));
  for (const container of working) await buildah.rm(container);
  for (const container of checked) await podman.rm(container);
  const volumes = (await emptyIfNotInstalled(podman.volumes())).filter(isLeftover);
  await podman.removeVolumes(volumes);
  return [...working, ...checked, ...volumes];
}

/** Images and indexes in the making: `localhost/<name of our own>:latest`. */
async function removeDrafts({ run }: CommandContext): Promise<readonly string[]> {
  const buildah = new Buildah(run);
  const listed = async () => {
    const images = await emptyIfNotInstalled(buildah.images().then((all) => all.flatMap(({ names }) => names)));
    return images.filter((name) => isLeftover(name.replace(/^localhost\/|:latest$/g, "")));
  };
  const drafts = await listed();
  if (drafts.length === 0) return [];
  await buildah.rmi(drafts);
  // `buildah rmi` takes an index for its image of this machine, which an unfinished one does not have.
  for (const index of await listed()) await buildah.manifestRm(index);
  return drafts;
}

/** A tool that is not installed has left nothing. */
async function emptyIfNotInstalled(names: Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await names;
  } catch (error) {
    if (error instanceof Failure && error.cause instanceof CommandFailure && error.cause.notFound) return [];
    throw error;
  }
}

async function removeFiles(wholeCache: boolean, { run }: CommandContext): Promise<readonly string[]> {
  const cache = cacheDirectory();
  const places = [workdirBase(), cache, `${cache}/built`, `${cache}/derived`];
  const leftovers = wholeCache
    ? [...(await leftoversIn(workdirBase())), cache]
    : (await Promise.all(places.map(leftoversIn))).flat();
  const removed: string[] = [];
  for (const file of leftovers) {
    if (await removeOwn(file, run)) removed.push(file);
  }
  return removed;
}
