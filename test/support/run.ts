import { silent } from "../../src/system/log.ts";
import { type Command, createRun, type Run, type RunOptions } from "../../src/system/run.ts";

/** Runs real commands in a test; never interrupted. */
export const run: Run = createRun(silent, new AbortController().signal);

/** What a fake Run was asked for, in order. */
export interface Call {
  readonly command: Command;
  readonly options: RunOptions | undefined;
}

/** A Run that starts nothing: it keeps its calls and answers from `answer`, with "" where that has nothing to say. */
export function recordingRun(answer: (command: Command) => string | undefined = () => undefined): {
  readonly run: Run;
  readonly calls: readonly Call[];
} {
  const calls: Call[] = [];
  return {
    calls,
    run: async (command, options) => {
      calls.push({ command, options });
      return answer(command) ?? "";
    },
  };
}
