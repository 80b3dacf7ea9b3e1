import type { Command } from "commander";
import type { CommandContext } from "../system/context.ts";
import { addBuilding } from "./building.ts";

/** `fedora`: builds the image of a Fedora base and the service's packages. */
export function addFedoraCommand(program: Command, context: CommandContext): void {
  addBuilding(
    program.command("fedora").description("build the OS-based image: Fedora base + packages"),
    "fedora",
    context,
  );
}
