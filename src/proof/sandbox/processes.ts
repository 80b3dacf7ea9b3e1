import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process of the host at this moment: /proc/PID/stat (proc(5)). */
interface Status {
  /** `R`, `S`, `D`, `Z`, ... */
  readonly state: string;
  /** Field 20: 0 once all of it has ended. */
  readonly threads: number;
  /** Field 22, ticks after boot: with the number it names a process for good. */
  readonly start: number;
}

function statusOf(pid: number): Status | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  return state === "" ? undefined : { state, threads: Number(fields[17]), start: Number(fields[19]) };
}

/** Whether a process still runs: neither gone nor a zombie. A first thread may end before the others (pthread_exit(3)). */
function isRunning({ state, threads }: Status): boolean {
  return !/[ZX]/.test(state) || threads > 1;
}

/** Returns a question: does this very process still run? A later process with the same number is another one. */
export function watchProcess(pid: number): () => boolean {
  const first = statusOf(pid);
  return () => {
    const now = statusOf(pid);
    return first !== undefined && now !== undefined && now.start === first.start && isRunning(now);
  };
}

/** The running processes of the PID namespace that this process of the host lives in, itself included: all of a container. */
export function processesBeside(pid: number): readonly number[] {
  const namespace = readLink(`/proc/${pid}/ns/pid`);
  if (namespace === "") return [];
  return readDirectory("/proc")
    .filter((name) => /^\d+$/.test(name) && readLink(`/proc/${name}/ns/pid`) === namespace)
    .map(Number)
    .filter((each) => {
      const status = statusOf(each);
      return status !== undefined && isRunning(status);
    });
}

/** What a thread has had of the processors so far. */
export interface ThreadTimes {
  /** Names the thread. */
  readonly thread: string;
  /** Milliseconds that it ran. */
  readonly ran: number;
  /** Milliseconds that it was ready to run and waited for a processor. */
  readonly waited: number;
  /** Whether it runs, or waits for a processor or a disk, right now. */
  readonly isBusy: boolean;
}

/** The threads of some processes: /proc/PID/task/TID/schedstat, in nanoseconds (Documentation/scheduler/sched-stats.rst of Linux). */
export function threadTimes(pids: readonly number[]): readonly ThreadTimes[] {
  return pids.flatMap((pid) =>
    readDirectory(`/proc/${pid}/task`).map((thread) => {
      const directory = `/proc/${pid}/task/${thread}`;
      const [ran = 0, waited = 0] = readText(`${directory}/schedstat`)
        .split(" ")
        .map((nanoseconds) => Number(nanoseconds) / 1e6);
      const stat = readText(`${directory}/stat`);
      return { thread, ran, waited, isBusy: /^[RD]/.test(stat.slice(stat.lastIndexOf(")") + 2)) };
    }),
  );
}

/** The inode numbers of the sockets that some processes hold. */
export function socketsOf(pids: readonly number[]): ReadonlySet<number> {
  const links = pids.flatMap((pid) =>
    readDirectory(`/proc/${pid}/fd`).map((name) => readLink(`/proc/${pid}/fd/${name}`)),
  );
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []).map(Number));
}

/** Whether a process has a handler for a signal: bit N-1 of SigCgt in /proc/PID/status is signal N (proc(5)). */
export function handlesSignal(pid: number, signal: number): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

// A process may end between two looks: then there is nothing to read.

function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function readLink(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}

function readDirectory(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
