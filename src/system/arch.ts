import { existsSync, readFileSync } from "node:fs";
import { usageFailure } from "./errors.ts";
import { nearest } from "./nearest.ts";

/**
 * The architectures an image can be built for, each under the names that the formats and tools around us use:
 * `oci` in image configs (GOARCH), `debian` and `rpm` in package managers, `elfMachine` is e_machine of elf(5),
 * `qemu` names the binfmt_misc entry of its user-mode emulator.
 */
export const arches = {
  x86_64: { oci: "amd64", debian: "amd64", rpm: "x86_64", elfMachine: 62, qemu: "qemu-x86_64" },
  aarch64: { oci: "arm64", debian: "arm64", rpm: "aarch64", elfMachine: 183, qemu: "qemu-aarch64" },
} as const;

export type Arch = keyof typeof arches;

export const archNames = Object.keys(arches) as readonly Arch[];

const aliases: Readonly<Record<string, Arch>> = { amd64: "x86_64", arm64: "aarch64", x64: "x86_64" };

/** `x86_64`, `aarch64` and their OCI, Debian and Node spellings; undefined for anything else. */
export function parseArch(text: string): Arch | undefined {
  return archNames.find((name) => name === text) ?? (Object.hasOwn(aliases, text) ? aliases[text] : undefined);
}

/** This machine's architecture, undefined where no image can be built for it. */
export function hostArch(): Arch | undefined {
  return parseArch(process.arch);
}

/**
 * The architectures that a person names, each once, in any spelling and with commas between them; `all` stands for every one of `all`.
 * Throws a usage Failure for one that is not known.
 */
export function archesAsked(words: readonly string[], all: readonly Arch[]): readonly Arch[] {
  const asked = words
    .flatMap((word) => word.split(","))
    .flatMap((spelling) => {
      if (spelling === "all") return all;
      const arch = parseArch(spelling);
      if (arch !== undefined) return [arch];
      const meant = nearest(spelling, [...archNames, ...Object.keys(aliases)]);
      const known = archNames.map((name) => `${name} (${arches[name].oci})`).join(", ");
      throw usageFailure(
        `cannot use the architecture '${spelling}': it is not known`,
        `${meant === undefined ? "" : `did you mean ${meant}? `}known are ${known} and all`,
      );
    });
  return [...new Set(asked)];
}

/** Whether the kernel runs programs of an architecture: its own, or one whose emulator is registered with binfmt_misc. */
export function runsHere(arch: Arch): boolean {
  if (arch === hostArch()) return true;
  const entry = `/proc/sys/fs/binfmt_misc/${arches[arch].qemu}`;
  return existsSync(entry) && readFileSync(entry, "utf8").startsWith("enabled");
}
