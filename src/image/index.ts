import { type Arch, arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import type { Workdir } from "../system/workdir.ts";
import type { Buildah } from "./buildah.ts";
import { tagText } from "./config.ts";
import { referenceAt } from "./destination.ts";
import type { BuildahDistribution, IndexDraft } from "./distribution.ts";
import { requireArchitecture } from "./machine.ts";
import { persistently } from "./persistence.ts";
import { commonVersion, type VersionedImage, versionOf } from "./versioned.ts";

/** A multi-architecture index that was made, as `--json` prints it. */
export interface BuiltIndex {
  readonly references: readonly string[];
  /** Of the index in the registry; absent in the local store, where images are not compressed and have other digests. */
  readonly digest?: string;
  readonly images: readonly { readonly arch: Arch; readonly digest: string }[];
}

export interface IndexTools {
  readonly buildah: Buildah;
  readonly distribution: BuildahDistribution;
  readonly workdir: Workdir;
  readonly log: Log;
}

/** Makes the index of images that the local store has, named by their version and as latest. Throws Failure. */
export async function indexStore(
  name: string,
  images: readonly VersionedImage[],
  { buildah, distribution, workdir }: IndexTools,
): Promise<BuiltIndex> {
  const version = commonVersion(name, images);
  for (const { arch, id } of images) {
    const image = { name: `${name}:latest-${arch}`, id, arch };
    await requireArchitecture(image, await workdir.directory(`layers-${arch}`), buildah);
  }
  const references = [version, "latest"].map((tag) => `${name}:${tagText(tag)}`);
  await using draft = await distribution.manifestCreate();
  for (const { id } of images) await distribution.manifestAdd(draft, id);
  const entries = await entriesOf(draft, images, distribution);
  await buildah.tag(draft.name, references);
  return { references, images: entries };
}

/**
 * Makes the index of images that other machines pushed to a registry under `<name>:latest-<arch>`, and pushes it there. Each image is
 * fetched and looked into; none is left in the local store. Throws Failure.
 */
export async function indexRegistry(
  name: string,
  wanted: readonly Arch[],
  { buildah, distribution, workdir, log }: IndexTools,
): Promise<BuiltIndex> {
  const registry = { kind: "registry", name } as const;
  await using draft = await distribution.manifestCreate();
  for (const arch of wanted) {
    const reference = referenceAt(registry, `latest-${arch}`);
    await persistently(`find ${reference}`, () => distribution.manifestAdd(draft, `docker://${reference}`), log);
  }
  const entries = await entriesOf(
    draft,
    wanted.map((arch) => ({ arch })),
    distribution,
  );
  const versions: { arch: Arch; version: string }[] = [];
  for (const { arch, digest } of entries) {
    log.info(`looking into ${name}:latest-${arch} (${digest})`);
    await using pulled = await persistently(`fetch ${name}@${digest}`, () => distribution.pull(name, digest), log);
    const image = { name: `${name}:latest-${arch}`, id: pulled.id, arch };
    await requireArchitecture(image, await workdir.directory(`layers-${arch}`), buildah);
    versions.push({ arch, version: versionOf(name, arch, await buildah.describe(pulled.id)) });
  }
  const tags = [tagText(commonVersion(name, versions)), "latest"];
  let digest = "";
  for (const tag of tags) {
    const reference = referenceAt(registry, tag);
    log.info(`pushing the index ${reference}`);
    const push = () => distribution.manifestPush(draft.name, registry, tag, { all: false });
    digest = await persistently(`push the index ${reference}`, push, log);
  }
  return { references: tags.map((tag) => referenceAt(registry, tag)), digest, images: entries };
}

/** What the index holds, checked against what it was made of: two images once became one for want of a digest of its own. */
async function entriesOf(
  draft: IndexDraft,
  images: readonly { readonly arch: Arch }[],
  distribution: BuildahDistribution,
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
