import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type CliOptions, dhcpdBuild, type Ended } from "./cli.ts";
import { createStore, type Store } from "./store.ts";

/** An image as `scratch --json` tells it. */
export interface BuiltImage {
  readonly arch: string;
  readonly id: string;
  readonly references: readonly string[];
  readonly size: number;
  readonly files: number;
  readonly metadata?: { readonly size: number; readonly files: number };
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
}

/** A place to build in that shares nothing with the machine's user: containers store, cache, temporary files. */
export interface Workshop extends AsyncDisposable {
  readonly store: Store;
  readonly cache: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs the program here. */
  run(args: readonly string[], options?: CliOptions): Promise<Ended>;
  /** Builds and returns what `--json` printed; throws with what went wrong. */
  build(args?: readonly string[], options?: CliOptions): Promise<readonly BuiltImage[]>;
  /** What is here although no build runs: working containers, mounts, processes' files. Empty when all is well. */
  leftovers(): Promise<readonly string[]>;
}

export async function createWorkshop(options: { driver?: "overlay" | "vfs" } = {}): Promise<Workshop> {
  const store = await createStore(options);
  const directory = await mkdtemp(path.join(tmpdir(), "workshop-"));
  const temporary = path.join(directory, "tmp");
  const cacheHome = path.join(directory, "cache");
  const cache = path.join(cacheHome, "dhcpd-build");
  await mkdir(temporary);
  const env = { ...store.env, TMPDIR: temporary, XDG_CACHE_HOME: cacheHome };
  const run: Workshop["run"] = (args, more = {}) => dhcpdBuild(args, { ...more, env: { ...env, ...more.env } });
  return {
    store,
    cache,
    env,
    run,
    build: async (args = [], more = {}) => {
      const { stdout, stderr, exitCode } = await run(["scratch", "--json", ...args], more);
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
      return (JSON.parse(stdout) as { images: BuiltImage[] }).images;
    },
    leftovers: async () => {
      const names = [...(await readdir(cache, { recursive: true }).catch(() => []))].filter((name) =>
        /dhcpd-build-\d+-\d+-[^/]*$/.test(name),
      );
      const graph = path.join(store.directory, "graph");
      const mounts = (await store.mounts()).filter((mount) => mount !== path.join(graph, "overlay"));
      const drafts = (await store.images()).filter((name) => name.startsWith("localhost/dhcpd-build-"));
      return [...(await store.containers()), ...drafts, ...mounts, ...(await readdir(temporary)), ...names];
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Ids of the processes whose command line has this text in it; tools work on in a process group of their own. */
export async function processesWith(text: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return pids.filter((_, i) => lines[i]?.includes(text)).map(Number);
}
