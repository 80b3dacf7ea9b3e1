import type { Buildah } from "../image/buildah.ts";
import { outside, runInContainer } from "../image/run-in-container.ts";
import { type Arch, runsHere } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { CommandFailure } from "../system/run.ts";

/** Another package that asks for one, and what it asks for: a name, a soname such as `libldap.so.2()(64bit)`, or a file. */
export interface Requirer {
  readonly package: string;
  readonly requirement: string;
}

interface Relations {
  readonly name: string;
  readonly arch: string;
  readonly requires: readonly string[];
  /** Files, too: a requirement may be one. */
  readonly provides: ReadonlySet<string>;
}

/** For `rpm -q --qf`: a package after another, `>` before its name, `<` between what it requires and what it provides. */
export const relationsFormat = ">%{NAME}\\t%{ARCH}\\n[%{REQUIRENAME}\\n]<\\n[%{PROVIDENAME}\\n][%{FILENAMES}\\n]";

/** Which of the packages that a query with `relationsFormat` tells of ask for which, by NAME.ARCH of the one that is asked for. */
export function requirersIn(text: string): ReadonlyMap<string, readonly Requirer[]> {
  const all = parseRelations(text);
  return new Map(
    all.map(({ name, arch, provides }) => {
      const others = all.filter((other) => other.name !== name);
      const requirers = others.flatMap((other): readonly Requirer[] => {
        const requirement = other.requires.find((each) => provides.has(each));
        return requirement === undefined ? [] : [{ package: other.name, requirement }];
      });
      return [`${name}.${arch}`, requirers];
    }),
  );
}

function parseRelations(text: string): readonly Relations[] {
  const sections = text.split(/^>/m).slice(1);
  return sections.map((section) => {
    const [heading = "", ...lines] = section.split("\n");
    const [name = "", arch = ""] = heading.split("\t");
    const middle = lines.indexOf("<");
    return { name, arch, requires: lines.slice(0, middle), provides: new Set(lines.slice(middle + 1)) };
  });
}

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
    return parseOwners(await runInContainer(container, ["rpm", "-qf", "--qf", ownerFormat, path], options, buildah));
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
