import { setMaxListeners } from "node:events";
import { Failure, Interruption, resourceFailure, systemCause, systemErrorCode } from "./errors.ts";
import { howToInstall } from "./host.ts";
import type { Log } from "./log.ts";
import { watchProgress } from "./progress.ts";
import { markVariable, ownName } from "./workdir.ts";

/** A program and its arguments, never a shell line. */
export type Command = readonly [program: string, ...args: readonly string[]];

export interface RunOptions {
  readonly cwd?: string;
  /** Laid over the environment of this process; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Bytes for stdin, which is closed otherwise. */
  readonly input?: string;
  /** Where stdout goes, byte for byte, instead of into the result. */
  readonly stdoutFile?: string;
  /** The result has what it says on stderr too. */
  readonly takesStderr?: boolean;
  /** What it says on stderr is shown as it comes: it is one of our own. */
  readonly showsStderr?: boolean;
  /** Milliseconds after which it is ended if it makes no progress (progress.ts); without limit otherwise. */
  readonly stallLimit?: number;
  /** Clean-up: runs to its end even after an interruption. */
  readonly evenInterrupted?: boolean;
}

/** Runs a command to its end and returns its stdout as text, without the last newline. Throws CommandFailure. */
export type Run = (command: Command, options?: RunOptions) => Promise<string>;

/** A command that did not start, ended with a code other than 0, or was killed. */
export class CommandFailure extends Failure {
  override readonly name = "CommandFailure";
  readonly command: Command;
  /** undefined when the program could not be started or was killed by a signal. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of stderr, shortened, else how the command ended. */
  readonly complaint: string;
  /** The program is not installed (not on PATH). */
  readonly notFound: boolean;
  /** It was ended because it made no progress. */
  readonly stalled: boolean;

  constructor(
    command: Command,
    end: { exitCode?: number; stdout?: string; stderr?: string; reason: string; notFound?: boolean; stalled?: boolean },
  ) {
    const stderr = end.stderr ?? "";
    const lines = stderr.trimEnd().split("\n").slice(-8);
    const tail = lines.map((line) => shortened(line, mostCharacters.line)).join("\n");
    const short = shortQuote(command);
    const hint = end.notFound ? howToInstall(command[0]) : "--verbose prints the whole command";
    super(`cannot run '${short}': ${end.reason}${tail === "" ? "" : `\n${tail}`}`, {
      ...(short === quote(command) && !end.notFound ? {} : { hint }),
    });
    this.command = command;
    this.exitCode = end.exitCode;
    this.stdout = end.stdout ?? "";
    this.stderr = stderr;
    this.stalled = end.stalled ?? false;
    this.complaint = this.stalled ? end.reason : tail.slice(tail.lastIndexOf("\n") + 1) || end.reason;
    this.notFound = end.notFound ?? false;
  }
}

/** The command as a person could paste it into a POSIX shell. */
export function quote(command: Command): string {
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}

/** The most characters that an error shows of one word of a command, of the whole command, and of a line of stderr. */
const mostCharacters = { word: 80, command: 400, line: 400 } as const;

/** The command for an error: a long word, and a long command, without its middle. */
function shortQuote([program, ...args]: Command): string {
  const short = (word: string) => shortened(word, mostCharacters.word);
  return shortened(quote([short(program), ...args.map(short)]), mostCharacters.command);
}

/** Text of at most `most` characters: ` ... ` stands for the middle of a longer one, for causes often stand at the end. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 5) / 2);
  return `${text.slice(0, half)} ... ${text.slice(-half)}`;
}

/**
 * The one place that starts processes. Children get LC_ALL=C, the mark by which clean finds them, and a process group of their own, so that
 * Ctrl-C reaches us alone: when `signal` aborts, the running ones get SIGTERM and Interruption is thrown, while clean-up
 * (`evenInterrupted`) still runs.
 */
export function createRun(log: Log, signal: AbortSignal): Run {
  // As many as there are commands at once.
  setMaxListeners(0, signal);
  const mark = ownName();
  return async (command, options = {}) => {
    if (!options.evenInterrupted) throwIfInterrupted(signal);
    const { execa } = await import("execa");
    const [program, ...args] = command;
    const started = performance.now();
    log.debug({ command }, pasteable(command, options));
    const stall = new AbortController();
    const subprocess = execa(program, args, {
      cwd: options.cwd ?? process.cwd(),
      env: { ...process.env, LC_ALL: "C", [markVariable]: mark, ...options.env },
      extendEnv: false,
      ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
      ...(options.stdoutFile === undefined ? {} : { stdout: { file: options.stdoutFile } }),
      ...(options.showsStderr ? { stderr: ["pipe", "inherit"] as const } : {}),
      ...(options.evenInterrupted ? {} : { cancelSignal: AbortSignal.any([signal, stall.signal]) }),
      all: options.takesStderr ?? false,
      // What goes into a file may be larger than memory: it is not kept for the result.
      buffer: { stdout: options.stdoutFile === undefined },
      maxBuffer: 256 * 1024 * 1024,
      detached: true,
      cleanup: false,
      reject: false,
    });
    const { pid } = subprocess;
    const { stallLimit } = options;
    const endWatch =
      pid === undefined || stallLimit === undefined ? undefined : watchProgress(pid, stallLimit, () => stall.abort());
    const result = await subprocess;
    endWatch?.();
    if (result.isCanceled) throwIfInterrupted(signal);
    if (result.failed) {
      const full = options.stdoutFile === undefined ? undefined : resourceFailure(result.cause);
      if (full !== undefined) throw full;
      throw new CommandFailure(command, {
        ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
        stdout: result.stdout ?? "",
        stderr: result.stderr,
        notFound: systemErrorCode(result.cause) === "ENOENT",
        ...(stall.signal.aborted
          ? { stalled: true, reason: `no progress for ${(stallLimit ?? 0) / 1000} s` }
          : { reason: reasonOf(result) }),
      });
    }
    log.trace({ ms: Math.round(performance.now() - started) }, `done: ${program}`);
    return (options.takesStderr ? result.all : result.stdout) ?? "";
  };
}

function reasonOf(result: { exitCode?: number | undefined; signal?: string | undefined; cause?: unknown }): string {
  if (systemErrorCode(result.cause) === "ENOENT") return "it is not installed";
  if (result.exitCode !== undefined) return `exit code ${result.exitCode}`;
  if (result.signal !== undefined) return `killed by ${result.signal}`;
  return result.cause instanceof Error ? systemCause(result.cause) : "it could not be started";
}

function pasteable(command: Command, options: RunOptions): string {
  const env = Object.entries(options.env ?? {});
  const unset = env.flatMap(([name, value]) => (value === undefined ? ["-u", name] : []));
  const set = env.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const whole: Command = env.length === 0 ? command : ["env", ...unset, ...set, ...command];
  return `${options.cwd === undefined ? "" : `cd ${quote([options.cwd])} && `}${quote(whole)}${
    options.stdoutFile === undefined ? "" : ` > ${quote([options.stdoutFile])}`
  }`;
}

function throwIfInterrupted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw signal.reason instanceof Interruption ? signal.reason : new Interruption("SIGTERM");
}
