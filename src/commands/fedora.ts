import type { Command } from "commander";
import type { CommandContext } from "../system/context.ts";
import { addBuilding } from "./building.ts";

/** `fedora`: builds the image of a Fedora base and the service's packages. */
export function addFedoraCommand(command: Command, context: CommandContext): void {
  addBuilding(command, "fedora", context);
}
