import { randomBytes } from "node:crypto";
import type { Command } from "../../src/system/run.ts";
import { run } from "./run.ts";

/** A network namespace, entered without the mounts that would hide the cgroups from podman. */
export type At = (command: readonly string[]) => Command;

/** Several servers and a client on one wire, each with its end called `eth0` in a network namespace of its own. */
export interface Segment extends AsyncDisposable {
  /** One per address, in their order. */
  readonly servers: readonly At[];
  readonly atClient: At;
}

/** Lays the wire; each server gets its address (with prefix length). The client's end is the bridge itself. Needs root. */
export async function createSegment(addresses: readonly string[]): Promise<Segment> {
  const name = `segment-${process.pid}-${randomBytes(3).toString("hex")}`;
  const client = `${name}-c`;
  const servers = addresses.map((_, index) => `${name}-s${index}`);
  const made: string[] = [];
  const remove = async () => {
    for (const namespace of made) await run(["ip", "netns", "delete", namespace]);
  };
  try {
    for (const namespace of [client, ...servers]) {
      await run(["ip", "netns", "add", namespace]);
      made.push(namespace);
      await run(["ip", "-n", namespace, "link", "set", "lo", "up"]);
    }
    await run(["ip", "-n", client, "link", "add", "eth0", "type", "bridge"]);
    await run(["ip", "-n", client, "link", "set", "eth0", "up"]);
    for (const [index, server] of servers.entries()) {
      const port = `port${index}`;
      await run(["ip", "-n", server, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", client]);
      await run(["ip", "-n", client, "link", "set", port, "master", "eth0", "up"]);
      await run(["ip", "-n", server, "address", "add", addresses[index]!, "dev", "eth0"]);
      await run(["ip", "-n", server, "link", "set", "eth0", "up"]);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const at =
    (namespace: string): At =>
    (command) => ["nsenter", `--net=/run/netns/${namespace}`, ...command];
  return { servers: servers.map(at), atClient: at(client), [Symbol.asyncDispose]: remove };
}
