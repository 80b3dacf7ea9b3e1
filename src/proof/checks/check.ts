import { constants } from "node:os";
import type { Check, RunCheck, StopCheck } from "../../plan/check.ts";
import type { Running } from "../sandbox/engine.ts";
import { handlesSignal } from "../sandbox/processes.ts";
import { checkLease } from "./lease.ts";
import { outlives, outlivesStartUp } from "./readiness.ts";
import {
  beforeSignal,
  type CheckContext,
  type CheckFailure,
  checkFailure,
  faultOfEnd,
  faultOfSilence,
  given,
  howItEnded,
  serve,
} from "./service.ts";

/** Performs a check and returns what is wrong; undefined when nothing is. Throws Failure where it cannot be performed. */
export async function performCheck(check: Check, scene: CheckContext): Promise<CheckFailure | undefined> {
  switch (check.kind) {
    case "run":
      return checkRun(check, scene);
    case "lease":
      return checkLease(check, scene);
    case "stop":
      return checkStop(check, scene);
  }
}

/** How long a command of the image may take, in milliseconds of program time. */
const runPatience = 60_000;

async function checkRun(
  { command, files, exit = 0, output }: RunCheck,
  { engine, capabilities }: CheckContext,
): Promise<CheckFailure | undefined> {
  await using running = await engine.start({ command, files, ...given(capabilities) });
  if (await outlives(running, runPatience)) {
    return await faultOfSilence(running, `${command[0]} did not end within ${runPatience / 1000} s`);
  }
  const ended = await running.ended;
  if (ended.exitCode !== exit) return checkFailure(`${command[0]} ${howItEnded(ended)}`, ended);
  const matches = output === undefined || new RegExp(output, "mu").test(ended.output);
  return matches ? undefined : checkFailure(`${command[0]} does not say /${output}/`, ended);
}

async function checkStop({ within, files }: StopCheck, scene: CheckContext): Promise<CheckFailure | undefined> {
  await using serving = await serve(files, scene);
  if ("because" in serving) return serving;
  const { running } = serving;
  if (!(await outlivesStartUp(running))) return await faultOfEnd(running, beforeSignal);
  await scene.whileServing?.(running);
  const isDeaf = !scene.service.init && !(await handlesTermination(running));
  const stopped = await running.stop(within);
  switch (stopped.by) {
    case "itself":
      return await faultOfEnd(running, beforeSignal);
    case "SIGKILL": {
      const reason = isDeaf ? "; it has no handler for it, so as process 1 it needs `init: true`" : "";
      const because = `it had to be killed: it did not end on SIGTERM within ${within} ms${reason}`;
      return { ...checkFailure(because, stopped), isSilence: true };
    }
    case "SIGTERM":
      return stopped.milliseconds <= within
        ? undefined
        : { ...checkFailure(`it took ${stopped.milliseconds} ms to end on SIGTERM`, stopped), isSilence: true };
  }
}

/** Process 1 is sent no signal that it has no handler for (pid_namespaces(7)). */
async function handlesTermination(running: Running): Promise<boolean> {
  const pid = await running.pid();
  return pid === undefined || handlesSignal(pid, constants.signals.SIGTERM);
}
