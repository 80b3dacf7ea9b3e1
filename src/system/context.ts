import type { Log } from "./log.ts";
import type { Run } from "./run.ts";

/** What every verb is given; the only way a verb reaches the outside. */
export interface CommandContext {
  readonly log: Log;
  readonly run: Run;
  /** Writes a line of the result to stdout. */
  print(text: string): void;
  /** The exit code when the verb returns: 1 says no to what was asked, without being a failure to explain. */
  setExitCode(code: 0 | 1): void;
}
