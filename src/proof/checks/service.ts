import { readdirSync } from "node:fs";
import path from "node:path";
import type { ImagePlan } from "../../plan/plan.ts";
import type { Run } from "../../system/run.ts";
import type { Workdir } from "../../system/workdir.ts";
import type { Engine, ExitStatus, Running, Start, State } from "../sandbox/engine.ts";
import type { Network } from "../sandbox/network.ts";
import { isUp } from "./readiness.ts";

/** What a check needs around it. */
export interface CheckContext {
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
export interface CheckFailure {
  /** As the end of a sentence: `the service ended with exit code 1`. */
  readonly because: string;
  /** The last lines that the program wrote. */
  readonly output: readonly string[];
  /** Nothing was seen but that something did not come in time. */
  readonly isSilence?: true;
}

/** How many of a program's last lines are shown. */
const shownLines = 12;

/** Follows how a service ended that was not asked to. */
export const beforeSignal = " before it was told to";

/** The service while it serves. */
export interface Serving extends AsyncDisposable {
  readonly running: Running;
}

/** Starts the service on the network and waits until it is up. A service that is not is a fault, with nothing left of it. */
export async function serve(
  files: Start["files"],
  { engine, service, network, capabilities }: CheckContext,
  state?: State,
): Promise<Serving | (CheckFailure & AsyncDisposable)> {
  const start = { files, network: network.server, ...given(capabilities), ...(state === undefined ? {} : { state }) };
  const running = await engine.start(start);
  const dispose = () => running[Symbol.asyncDispose]();
  try {
    if (await isUp(running, service.ports)) return { running, [Symbol.asyncDispose]: dispose };
    const ports = service.ports.join(", ");
    const fault = (await running.isRunning())
      ? await faultOfSilence(running, `the service runs but does not listen to ${ports}`)
      : await faultOfEnd(running, ports === "" ? beforeSignal : ` before it listened to ${ports}`);
    return { ...fault, [Symbol.asyncDispose]: async () => {} };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Ends a program and makes a fault of what it wrote. */
export async function checkFailureOfRunning(running: Running, because: string): Promise<CheckFailure> {
  await running[Symbol.asyncDispose]();
  return checkFailure(because, await running.ended);
}

/** The fault of a program that did not do something in time; it is ended. */
export async function faultOfSilence(running: Running, because: string): Promise<CheckFailure> {
  return { ...(await checkFailureOfRunning(running, because)), isSilence: true };
}

/** The fault of a service that has ended by itself; `when` follows how it ended. */
export async function faultOfEnd(running: Running, when: string): Promise<CheckFailure> {
  await running[Symbol.asyncDispose]();
  const ended = await running.ended;
  if (neverBegan(ended)) return checkFailure("the service cannot start", ended);
  const hint = ended.exitCode === 0 ? ": its first process must stay in the foreground" : "";
  return checkFailure(`the service ${howItEnded(ended)}${when}${hint}`, ended);
}

export function checkFailure(because: string, { output }: ExitStatus): CheckFailure {
  return { because, output: output.trimEnd().split("\n").slice(-shownLines).filter(Boolean) };
}

/** Whether the runtime could not execute the program at all. Then the exit code is the runtime's. */
function neverBegan({ exitCode, output }: ExitStatus): boolean {
  const cannotExecute =
    /\bexec:? \\?"?\/[^":\n]*"?: .*(?:no such file|permission denied|format error|not a directory)|executable file .*not found/i;
  return exitCode !== 0 && exitCode !== undefined && cannotExecute.test(output);
}

export function howItEnded(ended: ExitStatus): string {
  const { exitCode } = ended;
  if (neverBegan(ended)) return "cannot start";
  return exitCode === undefined ? "was killed" : `ended with exit code ${exitCode}`;
}

/** As an option that is absent rather than undefined. */
export function given(capabilities: readonly string[] | undefined) {
  return capabilities === undefined ? {} : { capabilities };
}

/** What a read-only container can still write to besides its volumes: podman-run(1), --read-only-tmpfs. */
const writable = ["/run", "/tmp", "/var/tmp", "/dev/shm"];
/** What podman itself puts there. */
const ofTheRuntime = ["/run/.containerenv", "/run/podman-init", "/run/secrets", "/run/lock"];

/** The files that a running program has written beside its own directories, by its process number on the host. */
export function writtenOutside(pid: number, own: readonly string[]): readonly string[] {
  const isOwn = (place: string) => own.some((directory) => place === directory || place.startsWith(`${directory}/`));
  const walk = (directory: string): readonly string[] =>
    entriesOf(`/proc/${pid}/root${directory}`).flatMap((entry) => {
      const place = path.posix.join(directory, entry.name);
      if (isOwn(place) || ofTheRuntime.includes(place)) return [];
      return entry.isDirectory() ? walk(place) : [place];
    });
  return writable.flatMap(walk);
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // Not there, or the program has ended meanwhile: then there is nothing to see.
    return [];
  }
}
