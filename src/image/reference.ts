import { type Arch, hostArch } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { withHost } from "../system/image-name.ts";
import { nearest } from "../system/nearest.ts";
import type { CommandFailure } from "../system/run.ts";

/**
 * The references that a person may mean by a text, the likeliest first. A name without tag and digest is that of the latest image for this
 * machine, and one without a host is local; any other text, an ID for instance, is taken as it is.
 */
function referencesFor(asked: string, arch: Arch | undefined = hostArch()): readonly string[] {
  if (!isBareName(asked) || arch === undefined) return [asked];
  return [`${withHost(asked)}:latest-${arch}`, asked];
}

/**
 * Looks for the image that a person means with `look`, which returns undefined for an image that is not in the store. `names` lists what is
 * there. Throws Failure, with the nearest name as its hint.
 */
export async function findImage<T>(
  asked: string,
  look: (reference: string) => Promise<T | undefined>,
  names: () => Promise<readonly string[]>,
): Promise<{ readonly reference: string; readonly found: T }> {
  for (const reference of referencesFor(asked)) {
    const found = await look(reference);
    if (found !== undefined) return { reference, found };
  }
  throw new Failure(`cannot find image ${asked} in the local store`, { hint: hintFor(asked, await names()) });
}

/** Whether buildah or podman failed because the store has no such image, or because the text cannot be the name of one. */
export function isAbsentImage({ stderr }: CommandFailure): boolean {
  const sentences =
    /image not known|no such image|not an image|invalid reference|repository name|image name must|unsupported transport|no options/i;
  return sentences.test(stderr);
}

function hintFor(asked: string, references: readonly string[]): string {
  const near = nearestReference(asked, references);
  const lists = "buildah images lists what is there";
  return near === undefined
    ? `${lists}; fetch one from a registry with: buildah pull NAME`
    : `did you mean ${near}? ${lists}`;
}

/** First the name counts, then the tag: all tags of a name are nearer than any other name. */
function nearestReference(asked: string, references: readonly string[]): string | undefined {
  const [name, tag] = split(asked);
  const there = references.map(split);
  const names = [...new Set(there.map(([other]) => other))];
  const meant = names.includes(name) ? name : nearestName(name, names);
  const tags = there.flatMap(([other, of]) => (other === meant && of !== undefined ? [of] : []));
  const usual = `latest-${hostArch()}`;
  const meantTag = nearest(tag ?? usual, tags) ?? tags.find((of) => of === usual) ?? tags[0];
  return meantTag === undefined ? undefined : `${meant}:${meantTag}`;
}

/** Local names are compared without their host, which would make all of them near. */
function nearestName(name: string, names: readonly string[]): string | undefined {
  const isLocal = name.startsWith(local);
  const comparable = names.filter((other) => other.startsWith(local) === isLocal);
  const found = nearest(
    name.slice(isLocal ? local.length : 0),
    comparable.map((other) => other.slice(isLocal ? local.length : 0)),
  );
  return found === undefined ? undefined : `${isLocal ? local : ""}${found}`;
}

const local = "localhost/";

/** A reference's name with its host, and its tag if it has one. */
function split(reference: string): readonly [name: string, tag: string | undefined] {
  const [, name = reference, tag] = /^(.*?)(?::([^/:]*))?$/.exec(reference) ?? [];
  return [withHost(name), tag];
}

function isBareName(text: string): boolean {
  return !/@|:[^/]*$/.test(text) && text !== "";
}
