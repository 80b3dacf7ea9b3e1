import type { Command } from "commander";
import type { CommandContext } from "../system/context.ts";
import { addBuilding } from "./building.ts";

/** `scratch`: builds the image that has the service's files and nothing else. */
export function addScratchCommand(program: Command, context: CommandContext): void {
  const command = program.command("scratch");
  addBuilding(command.description("build the scratch image: the service's files and nothing else"), "scratch", context);
}
