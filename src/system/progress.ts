import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { systemErrorCode } from "./errors.ts";

/**
 * Bytes that a process must read or write to have made progress. A request to a server and its answer are some hundreds; a server
 * that sends a byte a second, each in a TLS record of its own, does not get there within a minute.
 */
const progressBytes = 4096;

/**
 * Calls `stalled` once if a process and its descendants read and write less than 4 KiB during `limit` milliseconds. Time is counted in
 * turns of a timer, so that a machine that was suspended or busy gives more time and never less. Returns a function that ends the watch.
 */
export function watchProgress(pid: number, limit: number, stalled: () => void): () => void {
  const interval = Math.min(1000, limit / 10);
  let mark = bytesMoved(pid);
  let idle = 0;
  const timer = setInterval(() => {
    const moved = bytesMoved(pid);
    idle += interval;
    // A process whose counters cannot be read is never judged by them.
    if (moved === undefined || mark === undefined || moved >= mark + progressBytes) {
      mark = moved;
      idle = 0;
    } else if (idle >= limit) {
      clearInterval(timer);
      stalled();
    }
  }, interval);
  return () => clearInterval(timer);
}

/**
 * Bytes that a process and its descendants have read and written so far: rchar and wchar of /proc/PID/io (proc(5)), without what waits in
 * the kernel for a slow peer, which may be megabytes. Those of children that have ended are in their parent's. undefined if the counters cannot be read, 0 if the process has ended.
 */
export function bytesMoved(pid: number): number | undefined {
  try {
    const counters = readFileSync(`/proc/${pid}/io`, "latin1").matchAll(/^[rw]char: (\d+)$/gm);
    const own = [...counters].reduce((sum, [, count]) => sum + Number(count), -bytesQueued(pid));
    const below = childrenOf(pid).map(bytesMoved);
    return below.reduce((sum, bytes) => (sum === undefined || bytes === undefined ? undefined : sum + bytes), own);
  } catch (error) {
    return isGone(error) ? 0 : undefined;
  }
}

/** The files `children` of the threads (proc(5)); none if the kernel was built without them. */
function childrenOf(pid: number): readonly number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.flatMap((thread) => {
    try {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").trim();
      return children === "" ? [] : children.split(" ").map(Number);
    } catch {
      return [];
    }
  });
}

/** Bytes that a process has written to TCP sockets and that their peers have not acknowledged (proc(5), /proc/net/tcp). */
function bytesQueued(pid: number): number {
  const inodes = new Set(socketsOf(pid));
  if (inodes.size === 0) return 0;
  const lines = ["tcp", "tcp6"].flatMap((file) => linesOf(`/proc/${pid}/net/${file}`));
  const queues = lines.map((line) => {
    const [, , , , queued = "", , , , , inode = ""] = line.trim().split(/\s+/);
    return inodes.has(inode) ? Number.parseInt(queued, 16) : 0;
  });
  return queues.reduce((sum, bytes) => sum + bytes, 0);
}

/** The inodes of a process's sockets; none if its files may not be seen. */
function socketsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${name}`)) ?? [];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    return [];
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    // Closed meanwhile.
    return "";
  }
}

/** Without the heading; none where the kernel has no such protocol. */
function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "latin1").trimEnd().split("\n").slice(1);
  } catch {
    return [];
  }
}

function isGone(error: unknown): boolean {
  return ["ENOENT", "ESRCH"].includes(systemErrorCode(error) ?? "");
}
