import type { CommandContext } from "../system/context.ts";
import { CommandFailure } from "../system/run.ts";

/**
 * Networks, mounts and other people's files need root: an ordinary user is root in a user namespace of their own, where podman
 * keeps their containers too. Runs this very command line there and returns true when that was necessary.
 */
export async function ranInUserNamespace(context: CommandContext): Promise<boolean> {
  if (process.getuid?.() === 0) return false;
  const { execPath, execArgv, argv } = process;
  // podman does not hand signals on: who loses it as a parent is told to end.
  const inside = [
    "podman",
    "unshare",
    "setpriv",
    "--pdeathsig",
    "TERM",
    execPath,
    ...execArgv,
    ...argv.slice(1),
  ] as const;
  try {
    const printed = await context.run(inside, { showsStderr: true });
    if (printed !== "") context.relay(printed);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode !== 1) throw error;
    const isOurs = error.stdout !== "" || /^error: |"level":"error"/m.test(error.stderr);
    if (!isOurs) throw (await import("../image/store-trouble.ts")).storeTrouble(error) ?? error;
    // It has printed itself what is wrong.
    if (error.stdout !== "") context.relay(error.stdout);
    context.setExitCode(1);
  }
  return true;
}
