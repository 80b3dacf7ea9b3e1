import { existsSync, readFileSync } from "node:fs";
import { type Arch, arches, hostArch } from "./arch.ts";

/** Whether the kernel runs programs of an architecture: its own, or one whose emulator is registered with binfmt_misc. */
export function runsHere(arch: Arch): boolean {
  if (arch === hostArch()) return true;
  const entry = `/proc/sys/fs/binfmt_misc/${arches[arch].qemu}`;
  return existsSync(entry) && readFileSync(entry, "utf8").startsWith("enabled");
}
