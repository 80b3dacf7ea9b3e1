import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { survey } from "../init/inspect.ts";
import { openPackage } from "../init/open-package.ts";
import { draftFile, draftRecipe, openDecisions } from "../init/recipe.ts";
import { loadRecipe, shippedNames } from "../recipe/load.ts";
import { parseRecipe } from "../recipe/parse.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure, systemCause, systemErrorCode, usageFailure } from "../system/errors.ts";
import { type Family, families } from "../system/family.ts";

interface InitFlags {
  readonly output?: string;
  readonly from?: Family;
}

/** `init`: writes a draft recipe for a packaged service from the contents of the package. */
export function addInitCommand(command: Command, context: CommandContext): void {
  command
    .argument("<package>", "the package that contains the service")
    .option("-o, --output <file>", "output file (default: <package>.yaml)")
    .addOption(
      new Option("--from <family>", "distribution whose package to use (default: this host's)").choices(families),
    )
    .action(async (name: string, flags: InitFlags) => {
      const file = flags.output ?? draftFile(".", name);
      using source = await openPackage(name, flags.from, context).catch(async (error: unknown) => {
        throw await withShippedRecipe(error, name);
      });
      const draft = draftRecipe(await survey(source));
      parseRecipe(draft, file);
      await writeNew(file, draft);
      const open = openDecisions(draft);
      const rest = open === 0 ? "" : `; ${open} ${open === 1 ? "TODO" : "TODOs"} to resolve`;
      context.log.info(`wrote ${file}${rest}; build it with dhcpd-build scratch --recipe ${file}`);
      context.print(file);
    });
}

/** If there is no such package but a shipped recipe of this name, the hint names the recipe. */
async function withShippedRecipe(error: unknown, name: string): Promise<unknown> {
  if (!(error instanceof Failure) || !(await shippedNames()).includes(name)) return error;
  const { recipe } = await loadRecipe(name);
  const packages = [
    ...new Set(Object.values(recipe.scratch?.packages ?? {}).flatMap((names) => names?.[0] ?? [])),
  ].join(" or ");
  return new Failure(error.message, {
    hint: `the recipe ${name} uses the package ${packages}: dhcpd-build scratch --recipe ${name}`,
    kind: error.kind,
    cause: error,
  });
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx" });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    const cause =
      code === "EEXIST" ? "it already exists" : code === "ENOENT" ? "its directory does not exist" : systemCause(error);
    throw usageFailure(`cannot write the recipe ${file}: ${cause}`, "choose another file with --output");
  }
}
