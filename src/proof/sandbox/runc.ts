import { chown, mkdir, realpath, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Service } from "../../plan/plan.ts";
import { untilWeEnd } from "../../system/children.ts";
import { removeControlGroups } from "../../system/control-groups.ts";
import { locate, openDirectoryRoot } from "../../system/root.ts";
import { CommandFailure, type Run } from "../../system/run.ts";
import { ownName, type Workdir } from "../../system/workdir.ts";
import { straceWords } from "../trace.ts";
import { type Engine, type Running, type Start, type State, writeOverlays } from "./engine.ts";
import { unmount } from "./network.ts";
import { ociConfig } from "./oci-config.ts";
import { runningIn } from "./process.ts";
import { runtimeWords } from "./runtime.ts";

/** What every sandbox of an image has in common. */
export interface SandboxSpec {
  /** The directory where the image is mounted; it is never written to. */
  readonly model: string;
  readonly service: Service;
  /** The program of an OCI runtime, runc or crun. */
  readonly runtime: string;
  /** The init that podman would use, where the service needs one. */
  readonly init?: string;
  readonly workdir: Workdir;
  /** A directory for the record of what the programs do with files. */
  readonly trace?: string;
  readonly run: Run;
}

/** A view of an image in which some of it is missing, and an engine that runs the service in it. */
export interface Sandbox extends Engine, AsyncDisposable {
  /** The directory of the view on the host. */
  readonly root: string;
}

/**
 * A copy-on-write view of the image without the given paths, and without what is below them. The view is an overlay of the kernel, the
 * privileges are an OCI runtime's doing: the one that podman uses. Throws Failure.
 */
export async function createSandbox(ground: SandboxSpec, without: readonly string[]): Promise<Sandbox> {
  const directory = ground.workdir.file(ownName());
  const root = path.join(directory, "root");
  await mkdir(root, { recursive: true });
  const unmount = await mountView(ground, directory, root);
  const dispose = async () => {
    await unmount();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    for (const entry of without) await rm(root + entry, { recursive: true, force: true });
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    root,
    createState: () => copyState(ground, root, path.join(directory, ownName())),
    start: (start) => startIn(ground, root, path.join(directory, ownName()), start),
    [Symbol.asyncDispose]: dispose,
  };
}

/** Returns what undoes it. Where a work directory cannot carry an overlay (on an overlay, for instance) the view is a copy. */
async function mountView({ model, run }: SandboxSpec, directory: string, root: string): Promise<() => Promise<void>> {
  const [upper, work] = [path.join(directory, "upper"), path.join(directory, "work")];
  await Promise.all([mkdir(upper), mkdir(work)]);
  const options = `lowerdir=${model},upperdir=${upper},workdir=${work}`;
  try {
    await run(["mount", "-t", "overlay", "-o", options, "overlay", root]);
    return () => unmount(root, run);
  } catch (error) {
    if (!(error instanceof CommandFailure)) {
      await unmount(root, run);
      throw error;
    }
    await run(["cp", "--archive", "--reflink=auto", `${model}/.`, root]);
    return async () => {};
  }
}

/** As podman fills a fresh volume: with the image's directory, its owner and mode; where there is none, with root's empty one. */
async function copyState({ service, run }: SandboxSpec, root: string, directory: string): Promise<State> {
  await mkdir(directory);
  const real = await realpath(directory);
  const places = new Map(service.state.map((inside, index) => [inside, path.join(real, String(index))]));
  for (const [inside, place] of places) {
    // A link in the image leads nowhere out of it.
    const located = locate(openDirectoryRoot(root), inside);
    if (located?.entry.kind === "directory") {
      await run(["cp", "--archive", root + located.path, place]);
    } else {
      await mkdir(place);
      await chown(place, 0, 0);
    }
  }
  return { places, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

async function startIn(ground: SandboxSpec, root: string, bundle: string, start: Start): Promise<Running> {
  const { service, runtime, run, workdir } = ground;
  const overlays = await writeOverlays(bundle, start.files);
  const state = start.state ?? (await copyState(ground, root, path.join(bundle, "state")));
  const hasInit = ground.init !== undefined && start.command === undefined;
  const config = ociConfig(service, {
    // runc takes no root with a link in its path, and the kernel binds nothing that is reached through an open file of another process.
    root: await realpath(root),
    command: start.command ?? service.command,
    capabilities: start.capabilities ?? service.capabilities,
    mounts: [
      ...[...state.places].map(([to, from]) => ({ to, from, writable: true })),
      ...[...overlays].map(([to, from]) => ({ to, from, writable: false })),
    ],
    ...(start.network === undefined ? {} : { network: start.network }),
    ...(hasInit ? { init: ground.init } : {}),
  });
  await writeFile(path.join(bundle, "config.json"), JSON.stringify(config));
  const name = ownName();
  const pidFile = path.join(bundle, "pid");
  const words = runtimeWords(runtime, workdir.path);
  const command = [
    ...untilWeEnd,
    ...(ground.trace === undefined ? [] : straceWords(ground.trace)),
    ...[...words, "run", "--bundle", bundle, "--pid-file", pidFile, name],
  ] as const;
  const container = {
    command: run(command, { takesStderr: true }),
    pidFile,
    hasInit,
    state: () => run([...words, "state", name]),
    remove: async () => {
      await run([...words, "delete", "--force", name], { evenInterrupted: true });
      await removeControlGroups((group) => group === name, run);
    },
    tidy: () => rm(bundle, { recursive: true, force: true }),
  };
  return runningIn(container, run);
}
