import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { type Command, CommandFailure, type Run } from "../system/run.ts";

/**
 * Networks, mounts and other people's files need root: an ordinary user is root in a user namespace of their own, where podman
 * keeps their containers too. Runs this very command line there and returns true when that was necessary. Throws Failure.
 */
export async function ranInUserNamespace(context: CommandContext): Promise<boolean> {
  if (process.getuid?.() === 0) return false;
  await requireUserNamespace(context.run);
  try {
    const printed = await context.run(inUserNamespace(process.argv.slice(2)), { showsStderr: true });
    if (printed !== "") context.relay(printed);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode !== 1) throw error;
    // It has printed itself what is wrong.
    if (error.stdout !== "") context.relay(error.stdout);
    context.setExitCode(1);
  }
  return true;
}

/** Tries podman's user namespace first: what podman prints when it cannot make one would stand before our sentence, or alone. */
async function requireUserNamespace(run: Run): Promise<void> {
  const { storeTrouble, withStore } = await import("../image/store-trouble.ts");
  try {
    withStore(await run(["podman", "unshare", "true"]));
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.notFound) throw error;
    throw (
      storeTrouble(error) ??
      new Failure(`cannot make a user namespace: ${error.complaint}`, {
        hint: "dhcpd-build doctor lists what this host lacks",
        cause: error,
      })
    );
  }
}

/** This program with other words, as root of the user namespace in which podman keeps an ordinary user's containers. */
export function inUserNamespace(words: readonly string[]): Command {
  const { execPath, execArgv, argv } = process;
  const ourselves = [execPath, ...execArgv, argv[1] ?? "", ...words];
  // podman does not pass signals on: a process that loses it as a parent gets SIGTERM. Its warnings are not for our users.
  return ["podman", "--log-level", "error", "unshare", "setpriv", "--pdeathsig", "TERM", ...ourselves];
}
