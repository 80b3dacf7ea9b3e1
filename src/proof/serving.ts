import type { ImagePlan } from "../plan.ts";
import type { Run } from "../system/run.ts";
import type { Workdir } from "../system/workdir.ts";
import type { Ended, Engine, Running, Start, State } from "./engine.ts";
import type { Network } from "./network.ts";
import { isReady } from "./readiness.ts";

/** What a check needs around it. */
export interface Scene {
  readonly engine: Engine;
  readonly service: ImagePlan["service"];
  readonly network: Network;
  readonly workdir: Workdir;
  readonly run: Run;
  /** In place of the service's own. */
  readonly capabilities?: readonly string[];
  /** Called while the service serves, before it is told to stop. */
  readonly whileServing?: (running: Running) => Promise<void>;
}

/** What a check has to say against the service. */
export interface Fault {
  /** As the end of a sentence: `the service ended with exit code 1`. */
  readonly because: string;
  /** The last lines that the program wrote. */
  readonly output: readonly string[];
}

/** How many of a program's last lines are shown. */
const shownLines = 12;

/** 128 + SIGKILL: what is left when a container did not end by itself. */
export const killed = 137;

/** The service while it serves. */
export interface Serving extends AsyncDisposable {
  readonly running: Running;
}

/** Starts the service on the network and waits until it listens. A service that does not is a fault, with nothing left of it. */
export async function serve(
  files: Start["files"],
  { engine, service, network, capabilities }: Scene,
  state?: State,
): Promise<Serving | (Fault & AsyncDisposable)> {
  const start = { files, network: network.server, ...given(capabilities), ...(state === undefined ? {} : { state }) };
  const running = await engine.start(start);
  const dispose = () => running[Symbol.asyncDispose]();
  try {
    if (await isReady(running, service.ports)) return { running, [Symbol.asyncDispose]: dispose };
    const listens = service.ports.length === 0 ? "" : ` before it listened to ${service.ports.join(", ")}`;
    const fault = await faultOfRunning(running, (ended) => `the service ${howItEnded(ended)}${listens}`);
    return { ...fault, [Symbol.asyncDispose]: async () => {} };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Ends a program and makes a fault of what it wrote; `because` is told how it ended if it did so by itself. */
export async function faultOfRunning(running: Running, because: string | ((ended: Ended) => string)): Promise<Fault> {
  await running[Symbol.asyncDispose]();
  const ended = await running.ended;
  return faultOf(typeof because === "string" ? because : because(ended), ended);
}

export function faultOf(because: string, { output }: Ended): Fault {
  return { because, output: output.trimEnd().split("\n").slice(-shownLines).filter(Boolean) };
}

export function howItEnded({ exitCode }: Ended): string {
  return exitCode === undefined || exitCode === killed ? "was ended" : `ended with exit code ${exitCode}`;
}

/** As an option that is absent rather than undefined. */
export function given(capabilities: readonly string[] | undefined) {
  return capabilities === undefined ? {} : { capabilities };
}
