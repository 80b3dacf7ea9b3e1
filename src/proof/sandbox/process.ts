import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../system/errors.ts";
import { CommandFailure, type Run } from "../../system/run.ts";
import { endOf, poll, pollPid, type Running } from "./engine.ts";
import { processesBeside, watchProcess } from "./processes.ts";
import { ProgramTime } from "./program-time.ts";

/** How long the runtime may take to get a process going, in milliseconds. One that cannot ends, and nobody waits so long. */
const startPatience = 120_000;
/** Milliseconds between two looks at a process that is to end. */
const interval = 5;

/** How a program runs in a container. */
export interface Container {
  /** The runtime's command; it ends with the container. */
  readonly command: Promise<string>;
  /** Where the runtime writes the number of the container's first process. */
  readonly pidFile: string;
  /** Whether that process is an init with the program below it. */
  readonly hasInit: boolean;
  /** The container's state in the runtime's words; fails if there is none any more. */
  state(): Promise<string>;
  /** Removes what is left of the container if the runtime's command was interrupted. */
  remove(): Promise<unknown>;
  /** Removes what the container used, after its end. */
  tidy(): Promise<unknown>;
}

/** The program of a container on its way. */
export function runningIn(container: Container, run: Run): Running {
  const { pidFile, hasInit } = container;
  const ended = endOf(container.command);
  let isOver = false;
  let isInterrupted = false;
  ended.then(
    () => {
      isOver = true;
    },
    () => {
      isInterrupted = true;
    },
  );
  const looked = pollPid(pidFile, ended, startPatience).then((pid) =>
    pid === undefined ? undefined : { pid, isAlive: watchProcess(pid) },
  );
  const kill = async (signal: "TERM" | "KILL") => {
    const process = await looked;
    if (!process?.isAlive()) return;
    // One that has ended meanwhile is no error.
    await run(["kill", `-${signal}`, String(process.pid)], { evenInterrupted: true }).catch(() => {});
  };
  let life: Promise<ProgramTime | undefined> | undefined;
  const livesSince = async () => {
    const process = await looked;
    if (process === undefined) return undefined;
    const isExecuted = async () => /running/.test(await container.state().catch(noState)) || undefined;
    const wasExecuted = await poll(isExecuted, ended, startPatience);
    return wasExecuted ? new ProgramTime(process.pid) : undefined;
  };
  const isRunning = async () => !isOver && !isInterrupted && ((await looked)?.isAlive() ?? false);
  return {
    ended,
    isRunning,
    pid: async () => {
      const process = await looked;
      if (process === undefined && !isOver && !isInterrupted) {
        throw new Failure("cannot run the service: the container runtime does not start it");
      }
      return process?.pid;
    },
    life: () => (life ??= livesSince()),
    stop: async (patience) => {
      const process = await looked;
      const isUp = process !== undefined && (await isRunning());
      // An init that is alone has lost its program.
      if (!isUp || (hasInit && processesBeside(process.pid).length === 1)) {
        return { ...(await ended), by: "itself", milliseconds: 0 };
      }
      const time = new ProgramTime(process.pid);
      await kill("TERM");
      while (process.isAlive() && !time.hasPassed(patience)) await sleep(interval);
      const milliseconds = Math.round(time.elapsed());
      const isLate = process.isAlive();
      if (isLate) await kill("KILL");
      return { ...(await ended), by: isLate ? "SIGKILL" : "SIGTERM", milliseconds };
    },
    [Symbol.asyncDispose]: async () => {
      if (!isOver) await kill("KILL");
      await ended.catch(() => container.remove());
      await container.tidy();
    },
  };
}

/** A container that has just gone has no state. */
function noState(error: unknown): string {
  if (error instanceof CommandFailure && !error.notFound) return "";
  throw error;
}
