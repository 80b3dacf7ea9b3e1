import { type Command, Option } from "commander";
import type { CommandContext } from "../system/context.ts";
import { addPlanOptions, type PlanOptions, readPlan } from "./options.ts";

interface BuildFlags extends PlanOptions {
  readonly json?: true;
  readonly force?: true;
  readonly refresh?: true;
}

/** How old package lists may be: a day, as apt's own daily refresh has it. In milliseconds. */
const maxListAge = 24 * 60 * 60 * 1000;

/** `scratch`: builds the image that has the service's files and nothing else. */
export function addScratchCommand(program: Command, context: CommandContext): void {
  const command = program
    .command("scratch")
    .description("build the scratch image: the service's files and nothing else");
  addPlanOptions(command, "scratch")
    .addOption(new Option("--refresh", "fetch the package lists anew, however young they are"))
    .addOption(new Option("--force", "build even what is up to date"))
    .addOption(new Option("--json", "one JSON document on stdout instead of one image reference per line"))
    .action(async (flags: BuildFlags) => {
      const plan = await readPlan("scratch", flags);
      const { buildImages } = await import("../build.ts");
      const options = { maxListAge: flags.refresh ? 0 : maxListAge, force: flags.force ?? false };
      const images = await buildImages(plan, options, context);
      for (const image of images) {
        const { references, files, size, packages } = image;
        context.log.info(
          `${references.join(" and ")}: ${files} files, ${megabytes(size)} MB, from ${packages.map(({ name }) => name).join(", ")}`,
        );
      }
      if (flags.json) context.print(JSON.stringify({ images }, undefined, 2));
      else for (const { references } of images) context.print(references[0] ?? "");
    });
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
