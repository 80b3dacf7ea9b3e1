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

/** `init`: writes a new recipe for a packaged service, with what the package itself says. */
export function addInitCommand(command: Command, context: CommandContext): void {
  command
    .argument("<package>", "the package that has the service")
    .option("-o, --output <file>", "where to (default: <package>.yaml here)")
    .addOption(new Option("--from <family>", "whose package (default: this host's)").choices(families))
    .action(async (name: string, flags: InitFlags) => {
      const file = flags.output ?? draftFile(".", name);
      using source = await openPackage(name, flags.from, context).catch(async (error: unknown) => {
        throw await withShippedRecipe(error, name);
      });
      const draft = draftRecipe(await survey(source));
      parseRecipe(draft, file);
      await writeNew(file, draft);
      const open = openDecisions(draft);
      const rest = open === 0 ? "" : `; ${open} ${open === 1 ? "line wants" : "lines want"} your decision: TODO`;
      context.log.info(`wrote ${file}${rest}; build it with dhcpd-build scratch --recipe ${file}`);
      context.print(file);
    });
}

/** A package that is not there may have been meant for its service, for which there is a recipe. */
async function withShippedRecipe(error: unknown, name: string): Promise<unknown> {
  if (!(error instanceof Failure) || !(await shippedNames()).includes(name)) return error;
  const { recipe } = await loadRecipe(name);
  const packages = [
    ...new Set(Object.values(recipe.scratch?.packages ?? {}).flatMap((names) => names?.[0] ?? [])),
  ].join(" or ");
  return new Failure(error.message, {
    hint: `there is a recipe of that name, of the package ${packages}: dhcpd-build scratch --recipe ${name}`,
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
      code === "EEXIST" ? "it exists" : code === "ENOENT" ? "its directory does not exist" : systemCause(error);
    throw usageFailure(`cannot write the recipe ${file}: ${cause}`, "name another file with --output");
  }
}
