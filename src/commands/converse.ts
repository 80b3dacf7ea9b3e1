import type { Command } from "commander";
import { converse } from "../proof/compare/dialogue.ts";
import type { CommandContext } from "../system/context.ts";

/** `converse`, not for people: how `verify --against` talks to a server from inside a network namespace. */
export function addConverseCommand(command: Command, context: CommandContext): void {
  command
    .argument("<server>", "the server's address")
    .argument("<relay>", "an address for this end, with its prefix")
    .argument("<pid>", "the process number of the server on the host")
    .action(async (server: string, relay: string, pid: string) => {
      context.printJson(await converse({ address: server, pid: Number(pid) }, relay, context.run));
    });
}
