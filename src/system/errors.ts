import { getSystemErrorMap } from "node:util";

/**
 * What a person can act on: a sentence `cannot <do what>: <cause>` and maybe a hint. Everything that is not a Failure
 * (or an Interruption) is a bug. `kind` decides the exit code in main.ts: "failed" is 1, "usage" is 2 (nothing was done).
 */
export class Failure extends Error {
  override readonly name: string = "Failure";
  readonly hint: string | undefined;
  readonly kind: "failed" | "usage";

  constructor(
    sentence: string,
    options: { hint?: string | undefined; kind?: "failed" | "usage"; cause?: unknown } = {},
  ) {
    super(sentence, { cause: options.cause });
    this.hint = options.hint;
    this.kind = options.kind ?? "failed";
  }
}

/** The recipe or the command line is wrong and nothing was done; exit code 2. */
export function usageFailure(sentence: string, hint?: string): Failure {
  return new Failure(sentence, { hint, kind: "usage" });
}

/** The signals that ask this program to end: Ctrl-C, Ctrl-\\, a closed terminal, and kill(1). */
export const interruptingSignals = ["SIGINT", "SIGQUIT", "SIGHUP", "SIGTERM"] as const;

/** A signal asked this program to end. It is no error to explain: main.ts turns it into exit code 128 + signal number. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  readonly signal: (typeof interruptingSignals)[number];

  constructor(signal: (typeof interruptingSignals)[number]) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** What went wrong first where undoing it went wrong as well: of a SuppressedError, which Node 20 knows by no class, the older one. */
export function firstError(error: unknown): unknown {
  const isPair = error instanceof Error && error.name === "SuppressedError" && "suppressed" in error;
  return isPair ? firstError(error.suppressed) : error;
}

/** The code of a Node system error (`ENOENT`, `ENOSPC`, ...), undefined for any other value. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Words of our own for codes that Node has none or strange ones for. */
const causes: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  ENOTDIR: "a part of the path is not a directory",
  EDQUOT: "the disk quota is used up",
  EFBIG: "it would be larger than the limit on the size of files",
  EMFILE: "too many open files",
  EROFS: "the file system is read-only",
};

/** Why the system refused something, in words; of any other error its message. */
export function systemCause(error: unknown): string {
  const known = causes[systemErrorCode(error) ?? ""];
  if (known !== undefined) return known;
  const number = error instanceof Error && "errno" in error ? Number(error.errno) : Number.NaN;
  return getSystemErrorMap().get(number)?.[1] ?? (error instanceof Error ? error.message : String(error));
}

/** What a system call that failed was to do with a path; of one that is not here, write. */
const actions: Readonly<Record<string, string>> = {
  ...{ open: "open", read: "read", scandir: "read", stat: "read", lstat: "read", statfs: "read", readlink: "read" },
  ...{ mkdir: "make", unlink: "remove", rmdir: "remove", rename: "rename" },
};

const hints: Readonly<Record<string, string>> = {
  EMFILE: "ulimit -n sets the limit of this shell; 256 are enough",
  EFBIG: "ulimit -f sets the limit of this shell",
};

/**
 * The system refused something that no room expected it to: a file system is full or closed, a limit is reached. undefined for an error that
 * does not come from a system call, which is a bug.
 */
export function resourceFailure(error: unknown): Failure | undefined {
  const code = systemErrorCode(error);
  if (code === undefined || !(error instanceof Error) || !("syscall" in error)) return undefined;
  const where = "path" in error && typeof error.path === "string" ? error.path : "to the disk";
  const action = writes.has(code) ? "write" : (actions[String(error.syscall)] ?? "write");
  return new Failure(`cannot ${action} ${where}: ${systemCause(error)}`, {
    hint: hints[code] ?? "TMPDIR and XDG_CACHE_HOME say where temporary files and downloads go",
    cause: error,
  });
}

/** Only writing fails with these. */
const writes: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EFBIG"]);
