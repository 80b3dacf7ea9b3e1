import type { Buildah, StoredImage } from "../image/buildah.ts";
import { tagText } from "../image/config.ts";
import { type Arch, arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import { ownName, type Workdir } from "../system/workdir.ts";
import { requireArchitecture } from "./architecture.ts";
import { referenceAt } from "./destination.ts";
import { readDirImage } from "./dir-image.ts";
import { commonVersion, type VersionedImage, versionOf } from "./latest.ts";
import type { BuildahManifests, IndexDraft } from "./manifest.ts";
import { confirmPush } from "./push.ts";
import { withRetries } from "./retry.ts";

/** A multi-architecture index that was made, as `--json` prints it. */
export interface BuiltIndex {
  readonly references: readonly string[];
  /** Of the index in the registry; absent in the local store, where images are not compressed and have other digests. */
  readonly digest?: string;
  readonly images: readonly { readonly arch: Arch; readonly digest: string }[];
}

export interface IndexTools {
  readonly buildah: Buildah;
  readonly distribution: BuildahManifests;
  readonly run: Run;
  readonly workdir: Workdir;
  readonly log: Log;
}

/** Makes the index of images that the local store has, named by their version and as latest. Throws Failure. */
export async function indexStore(
  name: string,
  images: readonly VersionedImage[],
  { buildah, distribution, run, workdir }: IndexTools,
): Promise<BuiltIndex> {
  const version = commonVersion(name, images);
  for (const { arch, id } of images) {
    const latest = `${name}:latest-${arch}`;
    const directory = workdir.file(`image-${arch}`);
    await buildah.writeLayers(id, directory);
    await requireArchitecture(latest, arch, await readDirImage(latest, directory), run);
  }
  const references = [version, "latest"].map((tag) => `${name}:${tagText(tag)}`);
  await using draft = await distribution.manifestCreate();
  for (const { id } of images) await distribution.manifestAdd(draft, id);
  const entries = await entriesOf(draft, images, distribution);
  const before = new Set((await holdersOf(references, buildah)).map((image) => image.id));
  await buildah.tag(draft.name, references);
  const nameless = (await buildah.images()).filter((image) => before.has(image.id) && image.names.length === 0);
  for (const { id } of nameless) await distribution.manifestRm(id).catch(passOverImage);
  return { references, images: entries };
}

async function holdersOf(names: readonly string[], buildah: Buildah): Promise<readonly StoredImage[]> {
  return (await buildah.images()).filter((image) => names.some((name) => image.names.includes(name)));
}

/** Only an index that another one has replaced goes; an image that had its name stays, as `buildah tag` leaves it. */
function passOverImage(error: unknown): void {
  if (!(error instanceof CommandFailure) || !/not a manifest list/.test(error.stderr)) throw error;
}

/**
 * Makes the index of images that other machines pushed to a registry under `<name>:latest-<arch>`, and pushes it there. Each image is
 * fetched and looked into; the local store does not change. Throws Failure.
 */
export async function indexRegistry(
  name: string,
  wanted: readonly Arch[],
  { distribution, run, workdir, log }: IndexTools,
): Promise<BuiltIndex> {
  const registry = { kind: "registry", name } as const;
  const apart = distribution.apart();
  await using draft = await apart.manifestCreate();
  const found = new Map<string, Arch>();
  for (const arch of wanted) {
    const latest = referenceAt(registry, `latest-${arch}`);
    const digest = await withRetries(`find ${latest}`, () => findImage(latest, arch, apart), log);
    const same = found.get(digest);
    if (same !== undefined) throw new Failure(`cannot take ${latest} for ${arch}: it is the one for ${same}`);
    found.set(digest, arch);
    log.info(`looking into ${latest} (${digest})`);
    await withRetries(`find ${latest}`, () => apart.manifestAdd(draft, `docker://${name}@${digest}`), log);
  }
  const entries = await entriesOf(
    draft,
    wanted.map((arch) => ({ arch })),
    apart,
  );
  const fetched = await withRetries(
    `fetch the images of ${name}`,
    async () => {
      const directory = workdir.file(ownName());
      await apart.fetchImages(draft, directory);
      return directory;
    },
    log,
  );
  const versions: { arch: Arch; version: string }[] = [];
  for (const { arch, digest } of entries) {
    const latest = referenceAt(registry, `latest-${arch}`);
    const image = await readDirImage(latest, fetched, digest);
    await requireArchitecture(latest, arch, image, run);
    versions.push({ arch, version: versionOf(name, arch, image) });
  }
  const tags = [tagText(commonVersion(name, versions)), "latest"];
  let digest = "";
  for (const tag of tags) {
    const reference = referenceAt(registry, tag);
    log.info(`pushing the index ${reference}`);
    const push = () => apart.manifestPush(draft.name, registry, tag, { all: false });
    digest = await withRetries(`push the index ${reference}`, push, log);
    await confirmPush({ reference, name, digest, images: entries.map((entry) => entry.digest) }, apart, log);
  }
  return { references: tags.map((tag) => referenceAt(registry, tag)), digest, images: entries };
}

/**
 * The digest of the image for an architecture under a tag of a registry: what stands there, or the one of an index that is for it. What an
 * index has for the platform unknown/unknown are attestations about its images
 * (https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md). Throws Failure if there is no such image.
 */
async function findImage(reference: string, arch: Arch, apart: BuildahManifests): Promise<string> {
  const entries = await apart.remoteEntries(reference);
  const images = entries.filter(({ os, architecture }) => os !== "unknown" || architecture !== "unknown");
  const platform = `linux/${arches[arch].oci}`;
  const platforms = images.map(({ os, architecture }) => `${os}/${architecture}`);
  const [found, ...others] = images.filter((_, position) => platforms[position] === platform);
  if (found !== undefined && others.length === 0) return found.digest;
  const other = platforms.length === 0 ? "it has no image" : `it is for ${[...new Set(platforms)].join(", ")}`;
  const cause = found === undefined ? other : `it has ${others.length + 1} images for ${platform}`;
  throw new Failure(`cannot take ${reference} for ${arch}: ${cause}`, {
    hint: `push the one image for ${platform} under that tag, and nothing else`,
  });
}

/** What the index holds, checked against what it was made of: two images once became one for want of a digest of its own. */
async function entriesOf(
  draft: IndexDraft,
  images: readonly { readonly arch: Arch }[],
  distribution: BuildahManifests,
): Promise<BuiltIndex["images"]> {
  const entries = await distribution.manifestInspect(draft.name);
  return images.map(({ arch }, position) => {
    const entry = entries[position];
    if (entries.length === images.length && entry?.architecture === arches[arch].oci)
      return { arch, digest: entry.digest };
    const found = entries.map(({ architecture }) => architecture).join(", ");
    throw new Failure(
      `cannot make the index: the image for ${arch} says that it is for ${entry?.architecture ?? found}`,
      {
        hint: "build it again with --force, and push it again where it comes from a registry",
      },
    );
  });
}
