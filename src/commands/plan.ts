import { type Command, Option } from "commander";
import type { CommandContext } from "../system/context.ts";
import { addPlanOptions, type PlanOptions, readPlan } from "./options.ts";

/** `plan scratch|fedora`: prints as JSON what would be built, and changes nothing. */
export function addPlanCommand(command: Command, context: CommandContext): void {
  for (const kind of ["scratch", "fedora"] as const) {
    addPlanOptions(command.command(kind).description(`print what \`${kind}\` would build`), kind)
      .addOption(new Option("--json", "print JSON").hideHelp())
      .action(async (options: PlanOptions) => context.printJson(withOctalModes(await readPlan(kind, options))));
  }
}

/** The plan with modes in octal, as people read them. */
function withOctalModes(plan: unknown): unknown {
  const readable = (key: string, value: unknown) =>
    key === "mode" && typeof value === "number" ? value.toString(8).padStart(4, "0") : value;
  return JSON.parse(JSON.stringify(plan, readable));
}
