import { Command, Option } from "commander";
import { addHelpCommand } from "./commands/help.ts";
import { explainUsage, UnknownOption } from "./commands/usage.ts";
import type { CommandContext } from "./system/context.ts";
import type { LogOptions } from "./system/log.ts";
import { version } from "./system/version.ts";

interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly isHidden?: true;
  /** Loads the verb's file and returns what gives a command the verb's arguments, options and action. */
  readonly load: () => Promise<(command: Command, context: CommandContext) => void>;
}

/** Every verb, in the order of `--help`. A start loads the file of the verb that runs, and of no other. */
const verbs: readonly Verb[] = [
  {
    name: "scratch",
    summary: "build the scratch image: the service's files and nothing else",
    load: async () => (await import("./commands/scratch.ts")).addScratchCommand,
  },
  {
    name: "fedora",
    summary: "build the OS-based image: a Fedora base image with the service's packages",
    load: async () => (await import("./commands/fedora.ts")).addFedoraCommand,
  },
  {
    name: "plan",
    summary: "print as JSON what would be built; touch nothing",
    load: async () => (await import("./commands/plan.ts")).addPlanCommand,
  },
  {
    name: "init",
    summary: "write a draft recipe for a packaged service",
    load: async () => (await import("./commands/init.ts")).addInitCommand,
  },
  {
    name: "lock",
    summary: "write the lock file: the version and sha256 of every package",
    load: async () => (await import("./commands/lock.ts")).addLockCommand,
  },
  {
    name: "closure",
    summary: "show what the dynamic loader would load, without running anything",
    load: async () => (await import("./commands/closure.ts")).addClosureCommand,
  },
  {
    name: "why",
    summary: "explain why a file is in an image",
    load: async () => (await import("./commands/why.ts")).addWhyCommand,
  },
  {
    name: "sbom",
    summary: "print an image's bill of materials: packages, licenses, files and dependencies",
    load: async () => (await import("./commands/sbom.ts")).addSbomCommand,
  },
  {
    name: "diff",
    summary: "compare two images: configuration, packages, files and bytes",
    load: async () => (await import("./commands/diff.ts")).addDiffCommand,
  },
  {
    name: "index",
    summary: "make one multi-architecture index of the per-architecture images",
    load: async () => (await import("./commands/image-index.ts")).addIndexCommand,
  },
  {
    name: "push",
    summary: "push the images and their index to a registry or an oci: layout",
    load: async () => (await import("./commands/push.ts")).addPushCommand,
  },
  {
    name: "quadlet",
    summary: "print the Podman Quadlet unit of the service, or install it",
    load: async () => (await import("./commands/quadlet.ts")).addQuadletCommand,
  },
  {
    name: "verify",
    summary: "run the recipe's checks on an image with its unit's privileges",
    load: async () => (await import("./commands/verify.ts")).addVerifyCommand,
  },
  {
    name: "prove",
    summary: "check that every file in an image is needed by removing each one and running the checks",
    load: async () => (await import("./commands/prove.ts")).addProveCommand,
  },
  {
    name: "doctor",
    summary: "check what this host can build and what is missing",
    load: async () => (await import("./commands/doctor.ts")).addDoctorCommand,
  },
  {
    name: "clean",
    summary: "remove what an interrupted build or check left behind",
    load: async () => (await import("./commands/clean.ts")).addCleanCommand,
  },
  {
    name: "schema",
    summary: "print the JSON Schema of recipes",
    load: async () => (await import("./commands/schema.ts")).addSchemaCommand,
  },
  {
    name: "converse",
    summary: "talk to a server from inside a network namespace, for `verify --against`",
    isHidden: true,
    load: async () => (await import("./commands/converse.ts")).addConverseCommand,
  },
];

export interface Program {
  /** Parses a command line, this process's own by default, and runs its verb. */
  readonly parse: (words?: readonly string[]) => Promise<void>;
  /** The complete command of a verb; undefined if there is no such verb. */
  readonly commandOf: (name: string) => Promise<Command | undefined>;
}

/**
 * Makes the command line. `start` is given the global options before a verb runs. `parse` throws a usage Failure for what cannot be
 * understood, and commander's own error after it printed the help.
 */
export function createProgram(context: CommandContext, start: (options: LogOptions) => Promise<void>): Program {
  const program = new Command("dhcpd-build")
    .description("Build minimal, proven container images of packaged services such as ISC DHCP and Kea")
    .version(version)
    .addOption(new Option("--verbose", "print each command as it runs, quoted for the shell").conflicts("quiet"))
    .addOption(new Option("--quiet", "print warnings and errors only"))
    .addOption(
      new Option("--log-format <format>", "format of the log on stderr").choices(["text", "json"]).default("text"),
    )
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .exitOverride();
  const unloaded = new Map(
    verbs.map(({ name, summary, isHidden = false, load }) => [
      program.command(name, { hidden: isHidden }).description(summary),
      load,
    ]),
  );
  const load = async (command: Command) => {
    const loadVerb = unloaded.get(command);
    if (loadVerb === undefined) return;
    unloaded.delete(command);
    (await loadVerb())(command, context);
    explainUsage(command);
  };
  addHelpCommand(program, load);
  explainUsage(program);
  program.hook("preSubcommand", (_, command) => load(command));
  program.hook("preAction", async () => {
    const { verbose, quiet, logFormat } = program.opts<{
      verbose?: true;
      quiet?: true;
      logFormat: LogOptions["format"];
    }>();
    await start({ level: verbose ? "debug" : quiet ? "warn" : "info", format: logFormat });
  });
  return {
    parse: async (words) => {
      try {
        await (words === undefined ? program.parseAsync() : program.parseAsync(words, { from: "user" }));
      } catch (error) {
        if (!(error instanceof UnknownOption)) throw error;
        await Promise.all(program.commands.map(load));
        throw error.explained();
      }
    },
    commandOf: async (name) => {
      const command = program.commands.find((verb) => verb.name() === name);
      if (command !== undefined) await load(command);
      return command;
    },
  };
}
