import { randomBytes } from "node:crypto";
import { readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { type Command, CommandFailure } from "../system/run.ts";
import type { Buildah, RunInOptions, WorkingContainer } from "./buildah.ts";

export interface InsideOptions {
  /** Directories of the host by where they are seen inside. */
  readonly volumes: Readonly<Record<string, string>>;
  /** Which of them, by its place inside, may be used for what the command prints. */
  readonly exchange: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly capabilities?: RunInOptions["capabilities"];
  /** Where stdout goes, byte for byte, instead of into the result; on the exchange's file system. */
  readonly stdoutFile?: string;
}

/** Where a directory of the host can be seen in a container of Fedora's, whose bases all have it, empty. */
export const outside = "/mnt";

/** The command with its stdout in `$0.out` and its stderr in `$0.err`; a constant, whatever the command is. */
const redirected = 'exec "$@" > "$0.out" 2> "$0.err"';

/**
 * Runs a command inside a working container and returns its stdout without the last newline. What it prints goes through files: with
 * chroot isolation buildah ends with the command and loses up to a pipe's content of what it has not handed on yet (chroot/run_common.go
 * does not wait for the goroutine that copies; 1.28 to 1.43). Throws CommandFailure, `notFound` where the container lacks the program.
 */
export async function runInside(
  container: WorkingContainer,
  command: Command,
  options: InsideOptions,
  buildah: Buildah,
): Promise<string> {
  const { volumes, exchange, env = {}, workingDirectory, capabilities, stdoutFile } = options;
  const name = `printed-${randomBytes(8).toString("hex")}`;
  const printed = path.join(volumes[exchange] ?? exchange, name);
  const text = async (kind: "out" | "err") => (await readFile(`${printed}.${kind}`, "utf8").catch(() => "")).trimEnd();
  try {
    await buildah.runIn(container, ["sh", "-c", redirected, path.posix.join(exchange, name), ...command], {
      volumes,
      env,
      ...(workingDirectory === undefined ? {} : { workingDirectory }),
      ...(capabilities === undefined ? {} : { capabilities }),
    });
    if (stdoutFile === undefined) return await text("out");
    await rename(`${printed}.out`, stdoutFile);
    return "";
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode === undefined) throw error;
    throw new CommandFailure(command, {
      exitCode: error.exitCode,
      stdout: await text("out"),
      stderr: (await text("err")) || error.stderr,
      reason: `exit code ${error.exitCode} inside the container`,
      // As a shell says it, and as buildah does where there is not even a shell.
      notFound: error.exitCode === 127 || /exec: "sh": executable file not found/.test(error.stderr),
    });
  } finally {
    await Promise.all(["out", "err"].map((kind) => rm(`${printed}.${kind}`, { force: true })));
  }
}
