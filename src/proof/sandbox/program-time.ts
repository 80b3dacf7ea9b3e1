import { processesBeside, threadTimes } from "./processes.ts";

/** Milliseconds between two looks at the threads; a look costs more than reading a file. */
const interval = 40;
/** A thread that uses a larger share of a processor than this works. */
const workingShare = 0.1;

/**
 * Time as a program lives it. A busy machine makes a program late in two ways that the kernel measures: its threads wait for a processor,
 * and so does everything else, this process included. Neither counts here, so that a deadline in program time is the same deadline on a
 * quiet machine and on a busy one. The clock looks at all processes of the program's container.
 */
export class ProgramTime {
  readonly #pid: number | undefined;
  readonly #started = performance.now();
  #looked = performance.now();
  #elapsed = 0;
  #quietSince = 0;
  #threads: ReadonlyMap<string, { readonly ran: number; readonly waited: number }> | undefined;

  /** Without a process only the lateness of this one is left out. */
  constructor(pid?: number) {
    this.#pid = pid;
    this.#look(0);
  }

  /** Milliseconds. */
  elapsed(): number {
    const gap = performance.now() - this.#looked;
    if (gap < interval) return this.#elapsed + gap;
    this.#look(gap);
    return this.#elapsed;
  }

  /** For how many milliseconds the program has done next to nothing: its threads sleep, and no process has come or gone. */
  quiet(): number {
    return this.elapsed() - this.#quietSince;
  }

  /** Whether so many milliseconds have passed; on a machine that hardly lets the program run, 20 times as many on the wall. */
  hasPassed(milliseconds: number): boolean {
    return this.elapsed() >= milliseconds || performance.now() - this.#started >= 20 * milliseconds;
  }

  #look(gap: number): void {
    this.#looked += gap;
    const times = this.#pid === undefined ? [] : threadTimes(processesBeside(this.#pid));
    const before = this.#threads;
    this.#threads = new Map(times.map(({ thread, ran, waited }) => [thread, { ran, waited }]));
    if (before === undefined) return;
    const since = times.map(({ thread, ran, waited }) => ({
      ran: ran - (before.get(thread)?.ran ?? 0),
      waited: waited - (before.get(thread)?.waited ?? 0),
    }));
    // Who looks late has waited like everybody else.
    this.#elapsed += Math.min(gap, 2 * interval) - Math.max(0, ...since.map(({ waited }) => waited));
    const ran = since.reduce((sum, each) => sum + each.ran, 0);
    const isSame = times.length === before.size && times.every(({ thread }) => before.has(thread));
    if (!isSame || ran > workingShare * gap || times.some(({ isBusy }) => isBusy)) this.#quietSince = this.#elapsed;
  }
}
