import type { Command } from "commander";
import type { CommandContext } from "../system/context.ts";
import { addBuilding } from "./building.ts";

/** `scratch`: builds the image that has the service's files and nothing else. */
export function addScratchCommand(command: Command, context: CommandContext): void {
  addBuilding(command, "scratch", context);
}
