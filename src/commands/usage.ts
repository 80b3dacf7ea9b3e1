import type { Command, CommanderError } from "commander";
import { parseArch } from "../system/arch.ts";
import { type Failure, usageFailure } from "../system/errors.ts";
import { nearest } from "../system/nearest.ts";

/** An option that a command does not have. */
export class UnknownOption extends Error {
  override readonly name = "UnknownOption";
  /** Names the verb that has the option, so the commands of all verbs must be complete. */
  readonly explained: () => Failure;

  constructor(flag: string, command: Command) {
    super(`unknown option ${flag}`);
    this.explained = () => unknownOption(flag, command);
  }
}

/**
 * Makes the errors of commander usage Failures, with a hint at the verb that was meant; an unknown option
 * becomes an UnknownOption.
 */
export function explainUsage(program: Command): void {
  for (const command of withSubcommands(program)) {
    command
      .configureOutput({ outputError: () => {} })
      .showSuggestionAfterError(false)
      .exitOverride((error) => {
        // The help was asked for and is printed.
        throw error.code.startsWith("commander.help") || error.exitCode === 0 ? error : usageOf(error, command);
      });
  }
}

/** A verb's whole name, such as `dhcpd-build plan scratch`. */
function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

export function unknownVerb(word: string, parent: Command): Failure {
  const verbs = parent.createHelp().visibleCommands(parent);
  const meant = nearest(
    word,
    verbs.map((verb) => verb.name()),
  );
  return usageFailure(
    `cannot run '${word}': ${nameOf(parent)} has no such verb`,
    meant === undefined ? seeHelp(parent) : `did you mean ${nameOf(parent)} ${meant}?`,
  );
}

function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function usageOf({ code, message }: CommanderError, command: Command): Failure | UnknownOption {
  // Of an option's flags, `-a, --arch <arch>`, the long one.
  const quoted = [...message.matchAll(/'(?:[^']*(?=--))?([^']*)'/g)].map(([, word = ""]) => word);
  const [first = "", second = ""] = quoted.map((word) => word.replace(/^(--[\w-]+) [<[].*$/, "$1"));
  const name = nameOf(command);
  switch (code) {
    case "commander.unknownCommand":
      return unknownVerb(command.args[0] ?? first, command);
    case "commander.unknownOption":
      return new UnknownOption(first.replace(/=.*$/, ""), command);
    case "commander.excessArguments":
      return excessArgument(command);
    case "commander.missingArgument":
      return usageFailure(`cannot run ${name}: <${first}> is missing`, seeHelp(command));
    case "commander.optionMissingArgument":
      return usageFailure(`cannot use ${first}: its value is missing`, seeHelp(command));
    case "commander.conflictingOption":
      return usageFailure(`cannot use ${first} together with ${second}`, seeHelp(command));
    case "commander.invalidArgument": {
      const choices = / Allowed choices are (.*)\.$/.exec(message)?.[1] ?? "";
      const meant = nearest(second, choices.split(", "));
      const hint = meant === undefined ? `it can be ${choices}` : `did you mean ${meant}? It can be ${choices}`;
      return usageFailure(`cannot use '${second}' as ${first}`, choices === "" ? seeHelp(command) : hint);
    }
    default:
      return usageFailure(message.replace(/^error: /, ""), seeHelp(command));
  }
}

/** Options of the first version. */
const presentNames: Readonly<Record<string, string>> = { "--no-witness": "--no-loader-check" };

function unknownOption(flag: string, command: Command): Failure {
  const sentence = `cannot use ${flag}: ${nameOf(command)} has no such option`;
  const program = rootOf(command);
  const own = [command, program].flatMap(({ options }) => options.flatMap(({ long }) => long ?? []));
  const meant = presentNames[flag] ?? (flag.startsWith("--") ? nearest(flag, own) : undefined);
  if (meant !== undefined) return usageFailure(sentence, `did you mean ${meant}? ${seeHelp(command)}`);
  const owner = program.commands.find(({ options }) =>
    options.some(({ short, long }) => flag === short || flag === long),
  );
  if (owner === undefined) return usageFailure(sentence, seeHelp(command));
  const isWithoutVerb = command === program;
  const words = isWithoutVerb ? command.args : [flag];
  return usageFailure(
    sentence,
    isWithoutVerb
      ? `name the verb first, as in ${nameOf(owner)} ${words.join(" ")}`
      : `${flag} is an option of ${nameOf(owner)}; ${seeHelp(command)}`,
  );
}

function excessArgument(command: Command): Failure {
  const most = command.registeredArguments.length;
  const word = command.args[most] ?? "";
  const takes = most === 0 ? "no argument" : most === 1 ? "one argument" : `${most} arguments`;
  const sentence = `cannot use '${word}': ${nameOf(command)} takes ${takes}`;
  const option = parseArch(word) === undefined ? "--recipe" : "--arch";
  const has = command.options.some(({ long }) => long === option);
  return usageFailure(sentence, has ? `did you mean ${option} ${word}?` : seeHelp(command));
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

function seeHelp(command: Command): string {
  return `see ${nameOf(command)} --help`;
}
