import { Command, Option } from "commander";
import { addCleanCommand } from "./commands/clean.ts";
import { addClosureCommand } from "./commands/closure.ts";
import { addConverseCommand } from "./commands/converse.ts";
import { addDiffCommand } from "./commands/diff.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addFedoraCommand } from "./commands/fedora.ts";
import { addHelpCommand } from "./commands/help.ts";
import { addIndexCommand } from "./commands/image-index.ts";
import { addInitCommand } from "./commands/init.ts";
import { addLockCommand } from "./commands/lock.ts";
import { addPlanCommand } from "./commands/plan.ts";
import { addProveCommand } from "./commands/prove.ts";
import { addPushCommand } from "./commands/push.ts";
import { addQuadletCommand } from "./commands/quadlet.ts";
import { addSbomCommand } from "./commands/sbom.ts";
import { addSchemaCommand } from "./commands/schema.ts";
import { addScratchCommand } from "./commands/scratch.ts";
import { explainUsage } from "./commands/usage.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { addWhyCommand } from "./commands/why.ts";
import type { CommandContext } from "./system/context.ts";
import type { LogOptions } from "./system/log.ts";
import { version } from "./system/version.ts";

/** Every verb, in the order of `--help`. */
const verbs = [
  addScratchCommand,
  addFedoraCommand,
  addPlanCommand,
  addInitCommand,
  addLockCommand,
  addClosureCommand,
  addWhyCommand,
  addSbomCommand,
  addDiffCommand,
  addIndexCommand,
  addPushCommand,
  addQuadletCommand,
  addVerifyCommand,
  addProveCommand,
  addDoctorCommand,
  addCleanCommand,
  addSchemaCommand,
  addConverseCommand,
  addHelpCommand,
];

/** The command line. `start` is given the global options before a verb runs. Throws a usage Failure for what cannot be understood, and commander's own error after it printed the help. */
export function createProgram(context: CommandContext, start: (options: LogOptions) => Promise<void>): Command {
  const program = new Command("dhcpd-build")
    .description("Small and proven container images of ISC DHCP, Kea and other packaged services")
    .version(version)
    .addOption(new Option("--verbose", "print every command, so that it can be pasted into a shell").conflicts("quiet"))
    .addOption(new Option("--quiet", "print warnings and errors only"))
    .addOption(new Option("--log-format <format>", "how to log to stderr").choices(["text", "json"]).default("text"))
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  program.hook("preAction", async () => {
    const { verbose, quiet, logFormat } = program.opts<{
      verbose?: true;
      quiet?: true;
      logFormat: LogOptions["format"];
    }>();
    await start({ level: verbose ? "debug" : quiet ? "warn" : "info", format: logFormat });
  });
  for (const add of verbs) add(program, context);
  explainUsage(program);
  return program;
}
