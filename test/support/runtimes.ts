import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Network } from "./dhcp.ts";
import { run } from "./run.ts";

/** A daemon of a container runtime with everything of its own, whose host network is the server's end of a cable. */
export interface Daemon extends AsyncDisposable {
  readonly directory: string;
  /** Runs its client and returns what that prints. */
  client(...words: readonly string[]): Promise<string>;
}

/** Docker's daemon, which touches neither the host's firewall nor its bridges. Needs root. */
export async function startDocker(network: Network): Promise<Daemon> {
  const directory = await mkdtemp(path.join(tmpdir(), "docker-"));
  const socket = `unix://${directory}/socket`;
  const places = ["--data-root", `${directory}/data`, "--exec-root", `${directory}/exec`, "-p", `${directory}/pid`];
  const daemon = ["dockerd", ...places, "-H", socket, "--iptables=false", "--bridge=none"];
  return startDaemon(network, directory, daemon, ["docker", "-H", socket], ["version"]);
}

/** containerd without its Kubernetes part; its client is ctr. Needs root. */
export async function startContainerd(network: Network): Promise<Daemon> {
  const directory = await mkdtemp(path.join(tmpdir(), "containerd-"));
  const config = path.join(directory, "config.toml");
  await writeFile(
    config,
    `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${directory}/socket"
[ttrpc]
address = "${directory}/ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "${directory}/opt"
`,
  );
  const daemon = ["containerd", "--config", config];
  return startDaemon(network, directory, daemon, ["ctr", "--address", `${directory}/socket`], ["version"]);
}

async function startDaemon(
  network: Network,
  directory: string,
  daemon: readonly string[],
  client: readonly string[],
  question: readonly string[],
): Promise<Daemon> {
  const [program, ...words] = network.atServer(daemon);
  const child = spawn(program, words, { stdio: "ignore" });
  const ended = once(child, "exit");
  const ask = (...more: readonly string[]) => run(network.atServer([...client, ...more]));
  const stop = async () => {
    child.kill();
    await ended;
    const points = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((line) => line.split(" ")[4] ?? "");
    for (const point of points.filter((each) => each.startsWith(`${directory}/`)).reverse())
      await run(["umount", "--lazy", point]);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  };
  for (let tries = 0; tries < 150 && child.exitCode === null; tries++) {
    const answers = await ask(...question).then(
      () => true,
      () => false,
    );
    if (answers) return { directory, client: ask, [Symbol.asyncDispose]: stop };
    await pause(100);
  }
  await stop();
  throw new Error(`${program} does not answer`);
}

/** The part of an OCI runtime specification (config.md) that is changed here. */
interface RuntimeSpec {
  root: { path: string; readonly: boolean };
  process: {
    args: readonly string[];
    cwd: string;
    terminal: boolean;
    user: { uid: number; gid: number };
    noNewPrivileges: boolean;
    capabilities: Record<string, readonly string[]>;
  };
  mounts: { destination: string; source: string; type: string; options: readonly string[] }[];
  linux: { namespaces: { type: string }[] };
}

export interface SpecRequest {
  readonly rootfs: string;
  readonly args: readonly string[];
  readonly user: { readonly uid: number; readonly gid: number };
  /** With `CAP_`. */
  readonly capabilities: readonly string[];
  /** Files and directories of the host by where they are seen inside. */
  readonly binds: Readonly<Record<string, string>>;
}

/**
 * A specification for `ctr run --config`: containerd's own with the host's network, and with ambient capabilities, which ctr has no
 * option for and a user other than root needs. Returns the file's path.
 */
export async function writeSpec(containerd: Daemon, request: SpecRequest): Promise<string> {
  const spec = JSON.parse(await containerd.client("oci", "spec")) as RuntimeSpec;
  spec.root = { path: request.rootfs, readonly: true };
  const sets = ["bounding", "permitted", "effective", "inheritable", "ambient"];
  spec.process = {
    ...spec.process,
    args: request.args,
    cwd: "/",
    terminal: false,
    user: request.user,
    noNewPrivileges: true,
    capabilities: Object.fromEntries(sets.map((set) => [set, request.capabilities])),
  };
  for (const [destination, source] of Object.entries(request.binds))
    spec.mounts.push({ destination, source, type: "bind", options: ["rbind"] });
  spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "network");
  const file = path.join(containerd.directory, "spec.json");
  await writeFile(file, JSON.stringify(spec));
  return file;
}

/** A directory for leases that this user owns, with an empty lease file, as an operator would prepare it. */
export async function makeState(
  parent: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<string> {
  const directory = await mkdtemp(path.join(parent, "state-"));
  await writeFile(path.join(directory, "dhcpd.leases"), "");
  await run(["chown", "-R", `${owner.uid}:${owner.gid}`, directory]);
  return directory;
}
