import type { Command } from "commander";
import { unknownVerb } from "./usage.ts";

/** `help [VERB...]`: the help of a verb, or of all. `load` completes the command of a verb. */
export function addHelpCommand(program: Command, load: (verb: Command) => Promise<void>): void {
  program
    .helpCommand(false)
    .command("help")
    .description("print the help of a verb")
    .argument("[verb...]", "for example `scratch` or `plan scratch` (default: list all verbs)")
    .action(async (words: readonly string[]) => {
      let command = program;
      for (const word of words) {
        const next = command.commands.find((verb) => verb.name() === word);
        if (next === undefined) throw unknownVerb(word, command);
        await load(next);
        command = next;
      }
      command.outputHelp();
    });
}
