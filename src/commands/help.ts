import type { Command } from "commander";
import { unknownVerb } from "./usage.ts";

/** `help [VERB...]`: the help of a verb, or of all. */
export function addHelpCommand(program: Command): void {
  program
    .helpCommand(false)
    .command("help")
    .description("print the help of a verb")
    .argument("[verb...]", "such as `scratch` or `plan scratch`; without it: the list of all verbs")
    .action((words: readonly string[]) => {
      let command = program;
      for (const word of words) {
        const next = command.commands.find((verb) => verb.name() === word);
        if (next === undefined) throw unknownVerb(word, command);
        command = next;
      }
      command.outputHelp();
    });
}
