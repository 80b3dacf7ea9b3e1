import { readdir } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../system/errors.ts";
import { findSystemProgram } from "../../system/host.ts";
import type { Run } from "../../system/run.ts";
import { isLeftover } from "../../system/workdir.ts";

/** Where the OCI runtime keeps the state of its containers, in a work directory. */
const stateDirectory = "runtime";

/** The beginning of every command line of the OCI runtime: the program, and where the state of this run's containers is. */
export type RuntimeWords = readonly [program: string, ...options: readonly string[]];

export function runtimeWords(program: string, workdir: string): RuntimeWords {
  return [program, "--root", path.join(workdir, stateDirectory)];
}

/** The program of an OCI runtime. Throws Failure where none is installed. */
export function requireRuntime(): string {
  const runtime = findRuntime();
  if (runtime !== undefined) return runtime;
  throw new Failure("cannot make a sandbox: no OCI runtime is installed", { hint: "install crun or runc" });
}

function findRuntime(): string | undefined {
  return findSystemProgram("runc") ?? findSystemProgram("crun");
}

/** Removes the containers that a run which was killed has left in its work directory. */
export async function removeLeftSandboxes(workdir: string, run: Run): Promise<void> {
  const runtime = findRuntime();
  if (runtime === undefined) return;
  const names = await readdir(path.join(workdir, stateDirectory)).catch(() => []);
  for (const name of names.filter(isLeftover)) {
    await run([...runtimeWords(runtime, workdir), "delete", "--force", name]);
  }
}
