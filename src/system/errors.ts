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

/** A signal asked us to end. Not an error to explain: main.ts turns it into exit code 128 + signal number. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
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

const resources: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on device",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "permission denied",
};

/** What a person can do something about although no room foresaw it: a full or closed file system. undefined for a bug. */
export function resourceFailure(error: unknown): Failure | undefined {
  const cause = resources[systemErrorCode(error) ?? ""];
  if (cause === undefined || !(error instanceof Error)) return undefined;
  const where = "path" in error && typeof error.path === "string" ? error.path : "to the disk";
  return new Failure(`cannot write ${where}: ${cause}`, {
    hint: "TMPDIR and XDG_CACHE_HOME say where temporary files and downloads go",
    cause: error,
  });
}
