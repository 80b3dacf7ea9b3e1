import type { Command } from "commander";
import { recipeJsonSchema } from "../recipe/schema.ts";
import type { CommandContext } from "../system/context.ts";

/** `schema`: the recipe's JSON Schema, for editors and other programs. */
export function addSchemaCommand(command: Command, context: CommandContext): void {
  command.action(async () => {
    context.printJson(recipeJsonSchema());
  });
}
