import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { CommandContext } from "../system/context.ts";
import { systemCause, systemErrorCode, usageFailure } from "../system/errors.ts";
import { type Family, families } from "../system/family.ts";

interface InitFlags {
  readonly output?: string;
  readonly from?: Family;
}

/** `init`: writes a new recipe for a packaged service, with what the package itself says. */
export function addInitCommand(program: Command, context: CommandContext): void {
  program
    .command("init")
    .description("write a recipe for a packaged service from what the package says; it marks what you must decide")
    .argument("<package>", "the package that has the service")
    .option("-o, --output <file>", "where to (default: <package>.yaml here)")
    .addOption(new Option("--from <family>", "whose package (default: this host's)").choices(families))
    .action(async (name: string, flags: InitFlags) => {
      const [{ draftFile, draftRecipe, openDecisions }, { openPackage }, { survey }, { parseRecipe }] =
        await Promise.all([
          import("../draft/draft.ts"),
          import("../draft/package.ts"),
          import("../draft/survey.ts"),
          import("../recipe/parse.ts"),
        ]);
      const file = flags.output ?? draftFile(".", name);
      using source = await openPackage(name, flags.from, context);
      const draft = draftRecipe(await survey(source));
      parseRecipe(draft, file);
      await writeNew(file, draft);
      const open = openDecisions(draft);
      const rest = open === 0 ? "" : `; ${open} ${open === 1 ? "line wants" : "lines want"} your decision: TODO`;
      context.log.info(`wrote ${file}${rest}; build it with dhcpd-build scratch --recipe ${file}`);
      context.print(file);
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
