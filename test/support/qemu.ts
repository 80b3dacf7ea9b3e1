import { existsSync } from "node:fs";
import { type Arch, arches, hostArch } from "../../src/system/arch.ts";
import { run } from "./run.ts";

const binfmt = "/proc/sys/fs/binfmt_misc";

/**
 * Registers the emulator of another architecture's programs, as installing it does on a machine with an init. That is the
 * machine's normal state once the emulator is installed, so it is not undone. Needs root, or a machine where it is done.
 */
export async function enableEmulation(arch: Arch): Promise<void> {
  const entry = `${binfmt}/${arches[arch].qemu}`;
  if (arch === hostArch() || existsSync(entry)) return;
  if (!existsSync(`${binfmt}/register`)) await run(["mount", "-t", "binfmt_misc", "binfmt_misc", binfmt]);
  if (existsSync(entry)) return;
  await run(["update-binfmts", "--enable", arches[arch].qemu]);
}
