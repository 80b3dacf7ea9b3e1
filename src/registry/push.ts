import type { Buildah } from "../image/buildah.ts";
import { tagText } from "../image/config.ts";
import type { Arch } from "../system/arch.ts";
import { makeDirectories } from "../system/directories.ts";
import { Failure, systemCause } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import { type Destination, referenceAt } from "./destination.ts";
import { commonVersion, type VersionedImage } from "./latest.ts";
import type { BuildahManifests } from "./manifest.ts";
import { withRetries } from "./retry.ts";

/** Something that stands at a destination now, as `--json` prints it. */
export interface Pushed {
  readonly kind: "image" | "index";
  /** The architecture of an image, those of an index in its order. */
  readonly arches: readonly Arch[];
  readonly reference: string;
  /** Of the manifest or index at the destination. */
  readonly digest: string;
}

export interface PushTools {
  readonly buildah: Buildah;
  readonly distribution: BuildahManifests;
  readonly log: Log;
}

/** What is to be pushed, and under which tag. */
interface Shipment extends Pick<Pushed, "kind" | "arches"> {
  /** Its name or ID in the store. */
  readonly what: string;
  readonly tag: string;
}

/**
 * Pushes the images of a name, and its index where the store has one, by version first and as latest at the end: whoever follows
 * `latest` never meets half a push. Throws Failure.
 */
export async function pushAll(
  name: string,
  images: readonly VersionedImage[],
  destination: Destination,
  { buildah, distribution, log }: PushTools,
): Promise<readonly Pushed[]> {
  const version = tagText(commonVersion(name, images));
  const index = await freshIndex(`${name}:${version}`, images, { buildah, distribution });
  const shipments = [version, "latest"].flatMap((tag): readonly Shipment[] => [
    ...images.map(({ arch, id }) => ({ kind: "image", arches: [arch], what: id, tag: `${tag}-${arch}` }) as const),
    ...(index === undefined
      ? []
      : [{ kind: "index", arches: images.map(({ arch }) => arch), what: index, tag } as const]),
  ]);
  if (destination.kind === "layout") await makeLayoutDirectory(destination.directory);
  const apart = distribution.apart();
  const pushed: Pushed[] = [];
  for (const [position, { kind, arches, what, tag }] of shipments.entries()) {
    const reference = referenceAt(destination, tag);
    log.info(`pushing ${reference} (${kind}, ${position + 1} of ${shipments.length})`);
    const push = () =>
      kind === "index"
        ? distribution.manifestPush(what, destination, tag, { all: true })
        : distribution.push(what, destination, tag);
    const digest = await withRetries(`push ${reference}`, push, log);
    if (destination.kind === "registry" && !pushed.some((before) => before.digest === digest)) {
      const parts = pushed.filter((before) => before.kind === "image").map((before) => before.digest);
      const taken = { reference, name: destination.name, digest, images: kind === "index" ? parts : [digest] };
      await confirmPush(taken, apart, log);
    }
    pushed.push({ kind, arches, reference, digest });
  }
  return pushed;
}

/** The name of the store's index of just these images; undefined where there is none. Throws Failure for one of other images. */
async function freshIndex(
  reference: string,
  images: readonly VersionedImage[],
  { buildah, distribution }: Pick<PushTools, "buildah" | "distribution">,
): Promise<string | undefined> {
  if (!(await buildah.images()).some(({ names }) => names.includes(reference))) return undefined;
  const entries = await distribution.manifestInspect(reference);
  const digests = images.map(({ digest }) => digest);
  if (entries.map(({ digest }) => digest).join() === digests.join()) return reference;
  throw new Failure(`cannot push ${reference}: the index is of other images than those that are there now`, {
    hint: `make it again with: dhcpd-build index ${reference.slice(0, reference.lastIndexOf(":"))}`,
  });
}

async function makeLayoutDirectory(directory: string): Promise<void> {
  try {
    await makeDirectories(directory);
  } catch (error) {
    throw new Failure(`cannot make the directory ${directory}: ${systemCause(error)}`, {
      cause: error,
    });
  }
}

/** What a registry has taken. */
interface Taken {
  /** As a person reads it, with its tag. */
  readonly reference: string;
  /** The name in the registry. */
  readonly name: string;
  /** Of the image's manifest or the index. */
  readonly digest: string;
  /** The manifests of its images: of an index its own in their order, of an image the one. */
  readonly images: readonly string[];
}

/** A registry of several machines may need a moment until each of them has what one has taken. */
const later = /manifest unknown|not found/i;

/** Asks a registry for what it has just taken, by its digest, because some take anything. `apart` has a store of its own. Throws Failure. */
export async function confirmPush(
  { reference, name, digest, images }: Taken,
  apart: BuildahManifests,
  log: Log,
): Promise<void> {
  const ask = () => apart.remoteEntries(`${name}@${digest}`);
  const entries = await withRetries(`confirm that ${reference} has arrived`, ask, log, { passing: later });
  if (entries.map((entry) => entry.digest).join() === images.join()) return;
  throw new Failure(`cannot confirm that ${reference} has arrived: the registry has other images under ${digest}`, {
    hint: "ask who runs the registry, or the proxy before it, what became of it",
  });
}
