import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "../../src/system/run.ts";

export const projectDirectory = path.resolve(fileURLToPath(import.meta.url), "../../..");

/** How the real program ended and what it printed. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** undefined when a signal ended it before it could set its own code. */
  readonly exitCode: number | undefined;
}

export interface CliOptions {
  /** Laid over this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Another installation than TESTED_PROGRAM names, else this project's dist/. */
  readonly program?: string;
  /** A command that runs another one as somebody or somewhere else, put in front. */
  readonly through?: readonly string[];
  /** Sends a signal as soon as stderr so far satisfies `when`. */
  readonly interrupt?: {
    readonly signal: NodeJS.Signals;
    readonly when: (stderr: string) => boolean;
    /** Milliseconds after that; at once where it does not say. */
    readonly after?: number;
  };
}

/** Runs the built program as a person would, without a terminal, to its end. */
export function dhcpdBuild(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  const program = options.program ?? (process.env.TESTED_PROGRAM || path.join(projectDirectory, "dist/main.js"));
  return start([...(options.through ?? []), process.execPath, program, ...args] as unknown as Command, options);
}

function start([program, ...args]: Command, { env, cwd, interrupt }: CliOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    let interrupted = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (interrupted || interrupt === undefined || !interrupt.when(stderr)) return;
      interrupted = true;
      setTimeout(() => child.kill(interrupt.signal), interrupt.after ?? 0);
    });
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ stdout, stderr, exitCode: exitCode ?? undefined }));
  });
}
