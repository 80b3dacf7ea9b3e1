import { randomBytes } from "node:crypto";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { untilMarkedEnd } from "../system/children.ts";
import { type Outcome, printedBy, type Step } from "../system/place.ts";
import { type Command, CommandFailure } from "../system/run.ts";
import { markVariable, ownName } from "../system/workdir.ts";
import type { Buildah, RunInOptions, WorkingContainer } from "./buildah.ts";

export interface RunInContainerOptions {
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

/**
 * Runs the commands among its arguments, each of them after `may` or `must` and its number of words, and writes the output of the first to
 * `$0.1.out` and `$0.1.err`, its exit code to `$0.1.code`, and so on. It ends after the first that must not fail and does. A constant,
 * whatever the commands are.
 */
const seriesScript = `start() {
  kept=$1 others=$(($# - 1 - $1))
  shift
  while [ "$kept" -gt 0 ]; do set -- "$@" "$1"; shift; kept=$((kept - 1)); done
  shift "$others"
  (exec "$@") > "$0.$n.out" 2> "$0.$n.err"
}
n=0
while [ $# -gt 0 ]; do
  n=$((n + 1)) may=$1 count=$2
  shift 2
  start "$count" "$@"
  code=$?
  echo "$code" > "$0.$n.code"
  [ "$code" -eq 0 ] || [ "$may" = may ] || exit 0
  shift "$count"
done`;

/** Runs a command inside a working container and returns its stdout without the last newline. Throws CommandFailure; see `runSeriesInside`. */
export async function runInContainer(
  container: WorkingContainer,
  command: Command,
  options: RunInContainerOptions,
  buildah: Buildah,
): Promise<string> {
  const [outcome] = await runSeriesInside(container, [{ command }], options, buildah);
  return printedBy(outcome);
}

/**
 * Runs commands one after another inside a working container, in one start of it, up to the first that fails and may not; outcomes of
 * those that ran, `notFound` where the container lacks the program. What they print goes through files: with chroot isolation buildah
 * ends with the command and loses up to a pipe's content of what it has not handed on yet (chroot/run_common.go does not wait for the
 * goroutine that copies; 1.28 to 1.43). `options.stdoutFile` is for the first one.
 */
export async function runSeriesInside(
  container: WorkingContainer,
  steps: readonly Step[],
  options: RunInContainerOptions,
  buildah: Buildah,
): Promise<readonly Outcome[]> {
  const { volumes, exchange, env = {}, workingDirectory, capabilities, stdoutFile } = options;
  const name = `printed-${randomBytes(8).toString("hex")}`;
  const mark = ownName();
  const printed = path.join(volumes[exchange] ?? exchange, name);
  const read = async (step: number, kind: "out" | "err" | "code") =>
    (await readFile(`${printed}.${step + 1}.${kind}`, "utf8").catch(() => "")).trimEnd();
  const outcomeOf = async (command: Command, step: number): Promise<Outcome> => {
    const code = await read(step, "code");
    if (code === "0" && step === 0 && stdoutFile !== undefined) {
      await rename(`${printed}.1.out`, stdoutFile);
      return "";
    }
    const [stdout, stderr] = await Promise.all([read(step, "out"), read(step, "err")]);
    if (code === "0") return stdout;
    if (code !== "") return failureInside(command, { exitCode: Number(code), stdout, stderr });
    return new CommandFailure(command, { stdout, stderr, reason: "it did not end inside the container" });
  };
  try {
    const words = steps.flatMap(({ command, mayFail }) => [mayFail ? "may" : "must", `${command.length}`, ...command]);
    await buildah.runIn(container, ["sh", "-c", seriesScript, path.posix.join(exchange, name), ...words], {
      volumes,
      env: { ...env, [markVariable]: mark },
      ...(workingDirectory === undefined ? {} : { workingDirectory }),
      ...(capabilities === undefined ? {} : { capabilities }),
    });
    const outcomes: Outcome[] = [];
    for (const [step, { command, mayFail }] of steps.entries()) {
      const outcome = await outcomeOf(command, step);
      outcomes.push(outcome);
      if (outcome instanceof CommandFailure && !mayFail) break;
    }
    return outcomes;
  } catch (error) {
    // What runs inside outlives buildah for a moment, and may still write.
    await untilMarkedEnd(mark);
    if (!(error instanceof CommandFailure) || error.exitCode === undefined) throw error;
    const { exitCode, stdout, stderr } = error;
    return steps.map(({ command }) => failureInside(command, { exitCode, stdout, stderr }));
  } finally {
    const files = (await readdir(path.dirname(printed))).filter((file) => file.startsWith(`${name}.`));
    await Promise.all(files.map((file) => rm(path.join(path.dirname(printed), file), { force: true })));
  }
}

function failureInside(
  command: Command,
  end: { readonly exitCode: number; readonly stdout: string; readonly stderr: string },
): CommandFailure {
  return new CommandFailure(command, {
    ...end,
    reason: `exit code ${end.exitCode} inside the container`,
    // As a shell says it, and as buildah does where there is not even a shell.
    notFound: end.exitCode === 127 || /exec: "sh": executable file not found/.test(end.stderr),
  });
}
