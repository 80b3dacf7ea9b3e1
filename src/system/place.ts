import { type Command, CommandFailure, type Run } from "./run.ts";

/** A command of a series. */
export interface Step {
  readonly command: Command;
  /** The next command runs although this one failed. */
  readonly mayFail?: boolean;
}

/** What a command printed, without the last newline, or how it failed. */
export type Outcome = string | CommandFailure;

/** Where package managers run: this host, or a container that sees this tool's directories under the same paths. */
export interface Place {
  readonly run: Run;
  /** Runs commands that do not need each other: side by side on this host, in one start of a container. */
  readonly all: (commands: readonly Command[]) => Promise<readonly Outcome[]>;
  /** Runs commands one after another, up to the first that fails and may not: outcomes of those that ran. One start of a container. */
  readonly series: (steps: readonly Step[]) => Promise<readonly Outcome[]>;
  /** Of the container's image; undefined for this host, whose own configuration counts. */
  readonly identity?: string;
}

/** This host as a place. */
export function hostPlace(run: Run): Place {
  const outcomeOf = (command: Command): Promise<Outcome> => run(command).catch(asOutcome);
  return {
    run,
    all: (commands) => Promise.all(commands.map(outcomeOf)),
    async series(steps) {
      const outcomes: Outcome[] = [];
      for (const { command, mayFail } of steps) {
        const outcome = await outcomeOf(command);
        outcomes.push(outcome);
        if (outcome instanceof CommandFailure && !mayFail) break;
      }
      return outcomes;
    },
  };
}

function asOutcome(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  throw error;
}

/** What a command printed. Throws its failure. */
export function printedBy(outcome: Outcome | undefined): string {
  if (outcome === undefined) throw new Error("a command of a series was asked about that did not run");
  if (outcome instanceof CommandFailure) throw outcome;
  return outcome;
}
