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

/** The code of a Node system error (`ENOENT`, `ENOSPC`, ...), undefined for any other value. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
