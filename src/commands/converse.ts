import type { Command } from "commander";
import type { CommandContext } from "../system/context.ts";

/** `converse`, not for people: how `verify --against` talks to a server from inside a network namespace. */
export function addConverseCommand(program: Command, context: CommandContext): void {
  program
    .command("converse", { hidden: true })
    .argument("<server>", "the server's address")
    .argument("<relay>", "an address for this end, with its prefix")
    .argument("<pid>", "the process number of the server on the host")
    .action(async (server: string, relay: string, pid: string) => {
      const { converse } = await import("../proof/compare/dialogue.ts");
      context.printJson(await converse({ address: server, pid: Number(pid) }, relay, context.run));
    });
}
