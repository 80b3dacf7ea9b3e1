import type { Command } from "commander";
import type { CommandContext } from "../system/context.ts";

/** `schema`: the recipe's JSON Schema, for editors and other programs. */
export function addSchemaCommand(program: Command, context: CommandContext): void {
  program
    .command("schema")
    .description("print the JSON Schema of recipes")
    .action(async () => {
      const { recipeJsonSchema } = await import("../recipe/schema.ts");
      context.printJson(recipeJsonSchema());
    });
}
