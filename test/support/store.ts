import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "./run.ts";

/** A containers store of a test's own, in a directory of its own. */
export interface Store extends AsyncDisposable {
  readonly directory: string;
  /** Points buildah, podman and skopeo at the store. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of the working containers. */
  containers(): Promise<readonly string[]>;
  /** Names of the images. */
  images(): Promise<readonly string[]>;
  /** What is mounted inside the store's directory right now. */
  mounts(): Promise<readonly string[]>;
}

/**
 * Makes an empty store. podman gets a configuration that works in a container and on hybrid cgroups as well as on a
 * plain machine: runc, limits that may always be set, locks in files, no state outside the directory.
 */
export async function createStore(options: { driver?: "overlay" | "vfs" } = {}): Promise<Store> {
  const directory = await mkdtemp(path.join(tmpdir(), "store-"));
  const storageConf = path.join(directory, "storage.conf");
  const containersConf = path.join(directory, "containers.conf");
  await writeFile(
    storageConf,
    `[storage]
driver = "${options.driver ?? "overlay"}"
graphroot = "${directory}/graph"
runroot = "${directory}/run"
`,
  );
  await writeFile(
    containersConf,
    `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "${directory}/tmp"
volume_path = "${directory}/volumes"
`,
  );
  const env = { CONTAINERS_STORAGE_CONF: storageConf, CONTAINERS_CONF: containersConf };
  const mounts = () => mountsBelow(directory);
  return {
    directory,
    env,
    mounts,
    containers: async () => {
      const listed = JSON.parse((await run(["buildah", "containers", "--json"], { env })) || "null");
      return ((listed ?? []) as { containername: string }[]).map((container) => container.containername);
    },
    images: async () => {
      const listed = JSON.parse((await run(["buildah", "images", "--json"], { env })) || "null");
      return ((listed ?? []) as { names?: string[] | null }[]).flatMap(({ names }) => names ?? []);
    },
    [Symbol.asyncDispose]: async () => {
      // Deepest first; a container that still runs has its own disposal.
      for (const mount of (await mounts()).toReversed()) await run(["umount", "--lazy", mount]);
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** The mount points below a directory, in the order they were made; field 5 of /proc/self/mountinfo (proc(5)). */
async function mountsBelow(directory: string): Promise<readonly string[]> {
  const points = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((line) => line.split(" ")[4] ?? "");
  return points.filter((point) => point.startsWith(`${directory}/`));
}
