import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { lookFor, type Running } from "./engine.ts";

/** How long a service may take from its start until it listens, in milliseconds; an emulator takes its time. */
const startPatience = 10_000;
/** How long a service that listens to nothing must have lived to count as started, in milliseconds. */
const settled = 300;

/**
 * Waits until the service listens to its ports (as `67/udp`), seen from outside in its network namespace. false when it ended
 * before or never listened.
 */
export async function isReady(running: Running, ports: readonly string[]): Promise<boolean> {
  const pid = await running.pid();
  if (pid === undefined) return false;
  const wanted = ports.filter((port) => /\/(?:udp|tcp)$/.test(port));
  if (wanted.length === 0) {
    return Promise.race([sleep(settled, true), running.ended.then(() => false)]);
  }
  const listening = async () => {
    const tables = await Promise.all(["udp", "udp6", "tcp", "tcp6"].map((name) => readTable(pid, name)));
    return wanted.every((port) => tables.flat().includes(port)) || undefined;
  };
  return (await lookFor(listening, running.ended, startPatience)) ?? false;
}

async function readTable(pid: number, name: string): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => "");
  return parseSocketTable(text).map((port) => `${port}/${name.replace("6", "")}`);
}

/** Unconnected UDP sockets have the state CLOSE, listening TCP sockets LISTEN: include/net/tcp_states.h. */
const waiting = ["07", "0A"];

/** The local ports that something waits at in /proc/net/udp or tcp (proc(5)). */
export function parseSocketTable(text: string): readonly number[] {
  return text.split("\n").flatMap((line) => {
    const [, port, state = ""] =
      /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? [];
    return port !== undefined && waiting.includes(state) ? [Number.parseInt(port, 16)] : [];
  });
}
