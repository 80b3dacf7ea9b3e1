import { type Command, Option } from "commander";
import type { Plan, PlanRequest } from "../plan.ts";
import { hostArch } from "../system/arch.ts";
import { families } from "../system/family.ts";

/** The options that choose what is planned, as commander hands them over. */
export interface PlanOptions {
  readonly recipe: string;
  readonly arch?: readonly string[];
  readonly tag?: string;
  readonly from?: string;
  readonly builder?: string;
  readonly base?: string;
}

const defaultRecipe = "dhcpd";

export function recipeOption(): Option {
  return new Option("-r, --recipe <name|file>", "a shipped recipe by name, or a YAML file").default(defaultRecipe);
}

/** Collects the values of an option that can be given several times. */
export function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** Adds the options of a verb that makes a plan of this kind. */
export function addPlanOptions(command: Command, kind: PlanRequest["kind"]): Command {
  command
    .addOption(recipeOption())
    .addOption(
      new Option("-a, --arch <arch>", "x86_64, aarch64 or all; repeatable (default: this machine's)").argParser(
        repeated,
      ),
    )
    .addOption(new Option("-t, --tag <name>", "the image's name without tag (default: localhost/<recipe>)"));
  switch (kind) {
    case "scratch":
      return command
        .addOption(
          new Option("--from <family>", "whose packages (default: this host's, if the recipe has them)").choices(
            families,
          ),
        )
        .addOption(new Option("--builder <image>", "run the package manager inside this image"));
    case "fedora":
      return command.addOption(new Option("--base <image>", "another base image than the recipe's"));
  }
}

/** The plan that the options ask for on this host. Throws usage Failures. */
export async function readPlan(kind: PlanRequest["kind"], options: PlanOptions): Promise<Plan> {
  const [{ loadRecipe }, { planImages }, { hostFamily }] = await Promise.all([
    import("../recipe/load.ts"),
    import("../plan.ts"),
    import("../system/os-release.ts"),
  ]);
  const { recipe } = await loadRecipe(options.recipe);
  const { tag, from, builder, base } = options;
  const sourceDateEpoch = process.env.SOURCE_DATE_EPOCH;
  return planImages(recipe, {
    kind,
    arches: options.arch ?? [],
    ...(tag === undefined ? {} : { tag }),
    ...(from === undefined ? {} : { from }),
    ...(builder === undefined ? {} : { builder }),
    ...(base === undefined ? {} : { base }),
    hostArch: hostArch(),
    hostFamily: await hostFamily(),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  });
}
