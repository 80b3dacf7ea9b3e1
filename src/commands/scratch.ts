import type { Command } from "commander";
import type { CommandContext } from "../system/context.ts";
import { addBuilding } from "./building.ts";

/** `scratch`: builds the image with only the service's files. */
export function addScratchCommand(command: Command, context: CommandContext): void {
  addBuilding(command, "scratch", context);
}
