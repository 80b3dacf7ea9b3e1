import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Running } from "../sandbox/engine.ts";
import { processesBeside, socketsOf } from "../sandbox/processes.ts";
import { ProgramTime } from "../sandbox/program-time.ts";

/*
 * When a service is up. A port that one of its own processes is bound to is evidence: it can be asked. Without a port there is no evidence
 * but its life: it is up when it has outlived a start-up and has come to rest. The errors of a start-up come from work, which is over when
 * no thread works any more, or from short waits, which are over after some seconds. All times are program time, so that neither a slow
 * machine nor slow neighbors change the answer.
 */

/** How long a start-up lasts at most where nothing else shows its end; services that fail late mostly do so within two seconds. */
const startUp = 3_000;
/** How long a program that has started rests before it counts as settled. */
const rest = 300;
/** How long a service that is at rest may take until it listens. */
const listenPatience = 10_000;
/** How long a start-up that still works is waited for. */
const workPatience = 30_000;
/** Milliseconds between two looks. */
const interval = 5;

/** Waits until the service is up; false if it ended before, or never listened to its ports (as `67/udp`). */
export async function isUp(running: Running, ports: readonly string[]): Promise<boolean> {
  const wanted = ports.filter((port) => /\/(?:udp|tcp)$/.test(port));
  if (wanted.length === 0) return outlivesStartUp(running);
  const pid = await running.pid();
  if (pid === undefined) return false;
  const time = new ProgramTime(pid);
  const listening = await whileItRuns(running, async () => {
    if (await listensTo(wanted, pid)) return true;
    return time.hasPassed(time.quiet() > rest ? listenPatience : workPatience) ? false : undefined;
  });
  return listening ?? false;
}

/** Waits until an error of the service's start-up would have shown, on a port or not; false if the service ended before. */
export async function outlivesStartUp(running: Running): Promise<boolean> {
  const time = await running.life();
  if (time === undefined) return false;
  const isSettled = () => (time.hasPassed(startUp) && time.quiet() > rest) || time.hasPassed(workPatience);
  return (await whileItRuns(running, () => isSettled() || undefined)) ?? false;
}

/** Whether a program still runs after so many milliseconds of program time. */
export async function outlives(running: Running, milliseconds: number): Promise<boolean> {
  const time = new ProgramTime(await running.pid());
  return (await whileItRuns(running, () => time.hasPassed(milliseconds) || undefined)) ?? false;
}

/** Looks until there is an answer; undefined once the program has ended. */
async function whileItRuns<T>(
  running: Running,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  while (await running.isRunning()) {
    const found = await look();
    if (found !== undefined) return found;
    await Promise.race([sleep(interval), running.ended.catch(() => {})]);
  }
  return undefined;
}

/** Whether processes of the container hold sockets at all of the ports. Who else lives in its network namespace does not count. */
async function listensTo(ports: readonly string[], pid: number): Promise<boolean> {
  const tables = await Promise.all(["udp", "udp6", "tcp", "tcp6"].map((name) => readTable(pid, name)));
  const sockets = tables.flat().filter(({ port }) => ports.includes(port));
  if (sockets.length === 0) return false;
  const own = socketsOf(processesBeside(pid));
  return ports.every((port) => sockets.some((socket) => socket.port === port && own.has(socket.inode)));
}

async function readTable(pid: number, name: string) {
  const text = await readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => "");
  return parseSocketTable(text).map(({ port, inode }) => ({ port: `${port}/${name.replace("6", "")}`, inode }));
}

/** Unconnected UDP sockets have the state CLOSE, listening TCP sockets LISTEN: include/net/tcp_states.h. */
const waiting = ["07", "0A"];

/** A socket that waits to be asked. */
export interface WaitingSocket {
  readonly port: number;
  readonly inode: number;
}

/** The sockets in /proc/net/udp or tcp (proc(5)) that wait for somebody: the state is column 4, the inode number column 10. */
export function parseSocketTable(text: string): readonly WaitingSocket[] {
  return text.split("\n").flatMap((line) => {
    const [, port, state = "", inode] =
      /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) \S+ \S+ \S+ +\d+ +\d+ (\d+)/.exec(line) ??
      [];
    return port !== undefined && waiting.includes(state)
      ? [{ port: Number.parseInt(port, 16), inode: Number(inode) }]
      : [];
  });
}
