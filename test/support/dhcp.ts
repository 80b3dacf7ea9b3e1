import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Command } from "../../src/system/run.ts";
import { run } from "./run.ts";
import type { Store } from "./store.ts";

/** Two network namespaces with a cable between them: `eth0` here and `eth0` there. Nothing of the host's is touched. */
export interface Network extends AsyncDisposable {
  /** A command line as it runs at the server's end. The host's /sys stays, which podman needs. */
  atServer(command: readonly string[]): Command;
  atClient(command: readonly string[]): Command;
}

/** Lays the cable; the server's end gets the address (with prefix length). Needs root. */
export async function createNetwork(serverAddress: string): Promise<Network> {
  const name = `lease-${process.pid}-${randomBytes(3).toString("hex")}`;
  const server = `${name}-s`;
  const client = `${name}-c`;
  const made: string[] = [];
  const remove = async () => {
    for (const namespace of made) await run(["ip", "netns", "delete", namespace]);
  };
  try {
    for (const namespace of [server, client]) {
      await run(["ip", "netns", "add", namespace]);
      made.push(namespace);
      await run(["ip", "-n", namespace, "link", "set", "lo", "up"]);
    }
    await run(["ip", "-n", server, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", client]);
    for (const namespace of made) await run(["ip", "-n", namespace, "link", "set", "eth0", "up"]);
    await run(["ip", "-n", server, "address", "add", serverAddress, "dev", "eth0"]);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    atServer: (command) => ["nsenter", `--net=/run/netns/${server}`, ...command],
    atClient: (command) => ["nsenter", `--net=/run/netns/${client}`, ...command],
    [Symbol.asyncDispose]: remove,
  };
}

/** The hardware address of the client's end, in hexadecimal digits alone. */
export async function hardwareOf(network: Network): Promise<string> {
  const [link] = JSON.parse(await run(network.atClient(["ip", "-json", "link", "show", "eth0"])));
  return (link as { address: string }).address.replaceAll(":", "");
}

/** A container that serves, as the person who runs the image would start it. */
export interface Server extends AsyncDisposable {
  readonly container: string;
  /** What it wrote to stdout and stderr so far. */
  logs(): Promise<string>;
  /** Stops it as `podman stop` does and returns its exit code. */
  stop(): Promise<number>;
}

export interface ServeOptions {
  readonly store: Store;
  readonly network: Network;
  readonly image: string;
  readonly config: { readonly path: string; readonly text: string };
  readonly capabilities: readonly string[];
  /** More words for `podman run`: volumes, an init. */
  readonly options?: readonly string[];
  /** Appended to the image's command line. */
  readonly args?: readonly string[];
}

/** Starts the image on the server's end: read-only root, no capability but the named ones, no new privileges. */
export async function serve({
  store,
  network,
  image,
  config,
  capabilities,
  options = [],
  args = [],
}: ServeOptions): Promise<Server> {
  const directory = await mkdtemp(path.join(tmpdir(), "serve-"));
  const file = path.join(directory, "config");
  await writeFile(file, config.text);
  await chmod(directory, 0o755);
  const container = `served-${randomBytes(4).toString("hex")}`;
  const { env } = store;
  const remove = async () => {
    await run(["podman", "rm", "--force", "--volumes", "--time", "0", container], { env });
    await rm(directory, { recursive: true });
  };
  try {
    await run(
      network.atServer([
        ...["podman", "run", "--detach", "--name", container, "--network", "host", "--read-only", "--pull", "never"],
        ...["--cap-drop", "all", ...capabilities.flatMap((capability) => ["--cap-add", capability])],
        ...["--security-opt", "no-new-privileges", "--volume", `${file}:${config.path}:ro`, ...options, image, ...args],
      ]),
      { env },
    );
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    container,
    // podman hands the container's stderr on to its own.
    logs: () => run(["sh", "-c", 'podman logs "$0" 2>&1', container], { env }),
    stop: async () => {
      await run(["podman", "stop", container], { env });
      return Number(await run(["podman", "wait", container], { env }));
    },
    [Symbol.asyncDispose]: remove,
  };
}

/** What a client was given. */
export interface Lease {
  readonly address: string;
  readonly mask: string;
  readonly server: string;
  readonly seconds: number;
  readonly router: string | undefined;
}

const printLease = `#!/bin/sh
[ "$1" = bound ] || exit 0
printf '{"address":"%s","mask":"%s","server":"%s","seconds":%s,"router":"%s"}\\n' "$ip" "$subnet" "$serverid" "$lease" "$router"
`;

/** Asks for a lease from the client's end as a real client does: DISCOVER, OFFER, REQUEST, ACK. Throws when nobody answers. */
export async function requestLease(network: Network, options: { address?: string } = {}): Promise<Lease> {
  const directory = await mkdtemp(path.join(tmpdir(), "client-"));
  try {
    const script = path.join(directory, "print-lease");
    await writeFile(script, printLease, { mode: 0o755 });
    const wanted = options.address === undefined ? [] : ["-r", options.address];
    const printed = await run(
      network.atClient([
        "udhcpc",
        "-f",
        "-q",
        "-n",
        "-i",
        "eth0",
        "-t",
        "8",
        "-T",
        "1",
        "-A",
        "1",
        "-s",
        script,
        ...wanted,
      ]),
    );
    const line = printed.split("\n").find((text) => text.startsWith("{"));
    if (line === undefined) throw new Error(`no lease in what the client printed:\n${printed}`);
    const lease = JSON.parse(line) as Lease & { router: string };
    return { ...lease, router: lease.router === "" ? undefined : lease.router };
  } finally {
    await rm(directory, { recursive: true });
  }
}
