import { Command } from "commander";
import type { CommandContext } from "../../src/system/context.ts";
import { silent } from "../../src/system/log.ts";
import type { Run } from "../../src/system/run.ts";

/** What a verb printed and how it wants the process to end. */
export interface Outcome {
  readonly stdout: readonly string[];
  readonly notes: readonly string[];
  readonly exitCode: 0 | 1 | 3;
}

/** Runs one verb as the command line would, with a Run of the test's choice. */
export async function runVerb(
  add: (command: Command, context: CommandContext) => void,
  args: readonly string[],
  run: Run,
): Promise<Outcome> {
  const stdout: string[] = [];
  const notes: string[] = [];
  let exitCode: 0 | 1 | 3 = 0;
  const program = new Command().exitOverride();
  add(program.command(args[0] ?? ""), {
    log: { ...silent, info: (note: string) => void notes.push(note) } as CommandContext["log"],
    run,
    print: (text) => void stdout.push(text),
    printJson: (value) => void stdout.push(JSON.stringify(value)),
    relay: (printed) => void stdout.push(printed),
    setExitCode: (code) => {
      exitCode = code;
    },
  });
  await program.parseAsync([...args], { from: "user" });
  return { stdout, notes, exitCode };
}
