import { cp, mkdir, mkdtemp, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "./run.ts";
import { repoFile } from "./standin/base.ts";
import type { StandIn } from "./standin/standin.ts";
import type { Store } from "./store.ts";

/** This machine's dnf with a configuration of a test's own. */
export interface HostDnf {
  /** Put in front of a command, which then sees that configuration as the machine's: a mount that nobody else sees. */
  readonly through: readonly string[];
  /** The repository, a copy that may be changed. */
  readonly repository: string;
  /** The file of the key that it is trusted by. */
  readonly key: string;
}

/** Needs root, dnf and unshare. */
export async function createHostDnf(world: StandIn): Promise<HostDnf> {
  const directory = await mkdtemp(path.join(tmpdir(), "host-dnf-"));
  const repository = path.join(directory, "repository/x86_64");
  const key = path.join(directory, "key");
  await cp(world.repository.x86_64, repository, { recursive: true });
  await cp(world.gpgKey, key);
  await mkdir(path.join(directory, "repos.d"));
  const url = `file://${path.dirname(repository)}`;
  await writeFile(path.join(directory, "repos.d/standin.repo"), repoFile(url, `file://${key}`));
  return { through: await throughConfiguration(path.join(directory, "repos.d"), directory), repository, key };
}

/** The machine's dnf with the repositories of a directory and no others; `directory` is where its configuration is written. */
export async function throughConfiguration(reposDir: string, directory: string): Promise<readonly string[]> {
  const configuration = path.join(directory, "dnf.conf");
  await writeFile(configuration, `[main]\ngpgcheck=True\nreposdir=${reposDir}\n`);
  const mount = 'mount --bind "$0" /etc/dnf/dnf.conf && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", mount, configuration];
}

/** A regular file or symlink of an image, as tar lists it. */
export interface Listed {
  readonly mode: string;
  /** `uid/gid`. */
  readonly owner: string;
  readonly size: number;
  readonly path: string;
}

/** Everything in an image but its directories, read from its own file system. Needs root. */
export async function filesOf(image: string, { env }: Store): Promise<readonly Listed[]> {
  const container = await run(["buildah", "from", "--pull-never", image], { env });
  try {
    const list = 'tar -C "$(buildah mount "$0")" --numeric-owner -cf - . | tar -tv --numeric-owner';
    const lines = (await run(["sh", "-c", list, container], { env })).split("\n").filter((line) => line[0] !== "d");
    return lines.map((line) => {
      const [mode = "", owner = "", size = "", , , place = ""] = line.split(/ +/);
      return { mode, owner, size: Number(size), path: place.replace(/^\./, "") };
    });
  } finally {
    await run(["buildah", "rm", container], { env });
  }
}

/** An extended attribute of a file in an image, in hex; empty where it has none. Needs root. */
export async function attributeOf(image: string, file: string, name: string, { env }: Store): Promise<string> {
  const container = await run(["buildah", "from", "--pull-never", image], { env });
  try {
    const mounted = await run(["buildah", "mount", container], { env });
    return await attributeAt(path.join(mounted, file), name);
  } finally {
    await run(["buildah", "rm", container], { env });
  }
}

/** The same of a file on this machine. */
export async function attributeAt(file: string, name: string): Promise<string> {
  const printed = await run(["getfattr", "--absolute-names", "--dump", "--match=-", "--encoding=hex", file]);
  return new RegExp(`^${name.replaceAll(".", "\\.")}=0x([0-9a-f]+)$`, "m").exec(printed)?.[1] ?? "";
}

/** A recipe of another program and other packages, with empty files and directories of root's besides. */
export async function writeRecipe(
  file: string,
  recipe: {
    readonly program: string;
    readonly packages: readonly string[];
    readonly files?: readonly string[];
    readonly directories?: readonly string[];
  },
): Promise<string> {
  const { program, packages, files = [], directories = [] } = recipe;
  await writeFile(
    file,
    `name: other
title: Something else
license: MIT
arches: [x86_64, aarch64]
service:
  command: [${program}]
  user: "0:0"
fedora:
  base: localhost/standin:44
  packages: [${packages.join(", ")}]
scratch:
  binaries: [${program}]
  packages:
    fedora: [${packages.join(", ")}]
  files: [${files.map((each) => `{ path: ${each}, content: "" }`).join(", ")}]
  directories: [${directories.map((each) => `{ path: ${each} }`).join(", ")}]
`,
  );
  return file;
}

/** Damages every file of a directory in its middle. */
export async function damageAll(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const bytes = await readFile(path.join(directory, name));
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 0xff, bytes.length >> 1);
    await writeFile(path.join(directory, name), bytes);
  }
}

/** Processes whose root directory lies below a directory, as those in a working container do. Needs root. */
export async function processesRootedIn(directory: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const roots = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/root`).catch(() => "")));
  return pids.filter((_, index) => roots[index]?.startsWith(directory));
}
