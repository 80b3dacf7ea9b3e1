import type { Check, RunCheck, StopCheck } from "../plan/check.ts";
import { checkLease } from "./lease.ts";
import { type Fault, faultOf, given, howItEnded, killed, type Scene, serve } from "./serving.ts";

/** Performs a check and returns what is wrong; undefined when nothing is. Throws Failure where it cannot be performed. */
export async function performCheck(check: Check, scene: Scene): Promise<Fault | undefined> {
  switch (check.kind) {
    case "run":
      return checkRun(check, scene);
    case "lease":
      return checkLease(check, scene);
    case "stop":
      return checkStop(check, scene);
  }
}

async function checkRun(
  { command, files, exit = 0, output }: RunCheck,
  { engine, capabilities }: Scene,
): Promise<Fault | undefined> {
  await using running = await engine.start({ command, files, ...given(capabilities) });
  const ended = await running.ended;
  if (ended.exitCode !== exit) return faultOf(`${command[0]} ${howItEnded(ended)}`, ended);
  const matches = output === undefined || new RegExp(output, "mu").test(ended.output);
  return matches ? undefined : faultOf(`${command[0]} does not say /${output}/`, ended);
}

async function checkStop({ within, files }: StopCheck, scene: Scene): Promise<Fault | undefined> {
  await using serving = await serve(files, scene);
  if ("because" in serving) return serving;
  const asked = performance.now();
  const ended = await serving.running.stop(within);
  const took = Math.round(performance.now() - asked);
  if (ended.exitCode === killed || ended.exitCode === undefined)
    return faultOf(`it had to be killed: it did not end on SIGTERM within ${within} ms`, ended);
  return took <= within ? undefined : faultOf(`it took ${took} ms to end on SIGTERM`, ended);
}
