import type { Arch } from "../system/arch.ts";
import { runsHere } from "../system/emulation.ts";
import { Failure } from "../system/errors.ts";
import { CommandFailure } from "../system/run.ts";
import type { Buildah } from "./buildah.ts";
import { outside, runInside } from "./inside.ts";

/** A package by the words that its database has for it. */
export interface Owner {
  readonly name: string;
  readonly arch: string;
}

/**
 * Whose a file, link or directory of an OS-based image is, as the image's own package database says; none for what no package has. Its
 * rpm is run in a container without capabilities that is gone afterwards; `scratch` is a directory of the host's. Throws Failure where the
 * image's programs do not run here.
 */
export async function ownersOf(
  path: string,
  image: { readonly id: string; readonly arch: Arch },
  scratch: string,
  buildah: Buildah,
): Promise<readonly Owner[]> {
  await using container = await buildah.from(image.id);
  const options = {
    volumes: { [outside]: scratch },
    exchange: outside,
    env: { LC_ALL: "C" },
    capabilities: "none",
  } as const;
  try {
    return parseOwners(await runInside(container, ["rpm", "-qf", "--qf", ownerFormat, path], options, buildah));
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    if (/is not owned by any package/.test(`${error.stdout}\n${error.stderr}`)) return [];
    const cannot = "cannot ask the image's package database";
    if (runsHere(image.arch)) throw new Failure(`${cannot}: ${error.complaint}`, { cause: error });
    throw new Failure(`${cannot}: this machine runs no programs of ${image.arch}`, {
      hint: "dhcpd-build doctor says how to get an emulator",
      cause: error,
    });
  }
}

/** For `rpm -q --qf`: a line for each package. */
export const ownerFormat = "%{NAME}\\t%{ARCH}\\n";

/** Reads what a query with `ownerFormat` prints. */
export function parseOwners(text: string): readonly Owner[] {
  return text.split("\n").flatMap((line) => {
    const [name, arch] = line.split("\t");
    return name === undefined || arch === undefined ? [] : [{ name, arch }];
  });
}
