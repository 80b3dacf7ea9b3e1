import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command, Run } from "./run.ts";
import { isLeftover, markVariable } from "./workdir.ts";

/** Before a command that goes on until it is told to end: it is told to, even when this process is killed. */
export const untilWeEnd = ["setpriv", "--pdeathsig", "TERM"] as const;

/** How long processes may take to end on SIGTERM, and then on SIGKILL, in milliseconds. */
const patience = 3_000;
/** Milliseconds between two looks. */
const interval = 50;

/** Ends what runs that were killed have started and what still goes on, with SIGTERM and then with SIGKILL. */
export async function endLeftoverProcesses(run: Run): Promise<void> {
  const signal = async (name: "TERM" | "KILL") => {
    const pids = leftoverProcesses();
    const command: Command = ["kill", `-${name}`, ...pids.map(String)];
    // One that has ended meanwhile is no error.
    if (pids.length > 0) await run(command).catch(() => {});
  };
  for (const name of ["TERM", "KILL"] as const) {
    await signal(name);
    for (let waited = 0; leftoverProcesses().length > 0 && waited < patience; waited += interval) await sleep(interval);
  }
}

/** Waits until the processes with this mark have ended, which were told to already; not for ever. */
export async function untilMarkedEnd(mark: string): Promise<void> {
  const isGoing = () => processesMarked((each) => each === mark).length > 0;
  for (let waited = 0; isGoing() && waited < patience; waited += interval) await sleep(interval);
}

/** The monitor of a container is not among them: it ends with its container, which podman removes. */
function leftoverProcesses(): readonly number[] {
  return processesMarked(isLeftover).filter((pid) => readProcess(`${pid}`, "comm") !== "conmon\n");
}

function processesMarked(isOurs: (mark: string) => boolean): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const mark = readProcess(name, "environ")
        .split("\0")
        .find((each) => each.startsWith(`${markVariable}=`));
      return mark !== undefined && isOurs(mark.slice(markVariable.length + 1));
    })
    .map(Number);
}

/** What others own cannot be read, and what has ended has nothing. */
function readProcess(pid: string, file: "environ" | "comm"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
