import { type Command, Option } from "commander";
import { buildImages } from "../pipeline/build.ts";
import type { PlanRequest } from "../plan/request.ts";
import type { CommandContext } from "../system/context.ts";
import { addPlanOptions, type PlanOptions, readPlan } from "./options.ts";

interface BuildFlags extends PlanOptions {
  readonly json?: true;
  readonly force?: true;
  readonly refresh?: true;
  readonly loaderCheck: boolean;
}

/** How old package lists may be: a day, as apt's own daily refresh has it. In milliseconds. */
export const maxListAge = 24 * 60 * 60 * 1000;

/** Gives a verb that builds images its options and its action. */
export function addBuilding(command: Command, kind: PlanRequest["kind"], context: CommandContext): void {
  addPlanOptions(command, kind)
    .addOption(new Option("--refresh", "update the package lists first"))
    .addOption(new Option("--force", "rebuild even if the image is up to date"))
    .addOption(new Option("--no-loader-check", "skip the cross-check with the image's dynamic loader"))
    .addOption(new Option("--json", "print JSON"))
    .action(async (flags: BuildFlags) => {
      const plan = await readPlan(kind, flags);
      const options = {
        maxListAge: flags.refresh ? 0 : maxListAge,
        force: flags.force ?? false,
        loaderCheck: flags.loaderCheck,
      };
      const images = await buildImages(plan, options, context);
      for (const { references, files, size, packages, metadata } of images) {
        const from = packages.length > 8 ? `${packages.length} packages` : packages.map(({ name }) => name).join(", ");
        const megabytes = (size / 1_000_000).toFixed(1);
        context.log.info(`${references.join(" and ")}: ${files} files, ${megabytes} MB, from ${from}`);
        if (metadata !== undefined)
          context.log.info(`including scanner metadata: ${metadata.files} files, ${metadata.size} bytes`);
      }
      if (flags.json) context.printJson({ images });
      else for (const { references } of images) context.print(references[0] ?? "");
    });
}
