import type { Command } from "commander";
import { converse } from "../proof/compare/dialogue.ts";
import type { CommandContext } from "../system/context.ts";

/** `converse`, which only `verify --against` runs: talks to a server from inside a network namespace. */
export function addConverseCommand(command: Command, context: CommandContext): void {
  command
    .argument("<server>", "the server's address")
    .argument("<relay>", "an address for the client, with its prefix")
    .argument("<pid>", "the server's PID on the host")
    .action(async (server: string, relay: string, pid: string) => {
      context.printJson(await converse({ address: server, pid: Number(pid) }, relay, context.run));
    });
}
