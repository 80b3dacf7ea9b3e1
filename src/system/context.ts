import type { Log } from "./log.ts";
import type { Run } from "./run.ts";

/** What every verb is given; the only way a verb reaches the outside. */
export interface CommandContext {
  readonly log: Log;
  readonly run: Run;
  /** Writes lines of the result to stdout; text of others in them is harmless to a terminal. */
  print(text: string): void;
  /** Writes the result to stdout as one JSON document. */
  printJson(value: unknown): void;
  /** Writes to stdout what this program printed in a user namespace, as it is. */
  relay(printed: string): void;
  /** The exit code when the verb returns: 1 means that a check failed, 3 that a comparison found a difference. */
  setExitCode(code: 0 | 1 | 3): void;
}
