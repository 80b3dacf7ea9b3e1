import type { Buildah } from "../image/buildah.ts";
import type { ImageDescription } from "../image/config.ts";
import { type Arch, archNames } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";

/** An image of the local store as its builder tagged it. */
export interface VersionedImage {
  readonly arch: Arch;
  readonly id: string;
  /** Of its manifest in the store. */
  readonly digest: string;
  /** The service's upstream version. */
  readonly version: string;
}

/** Every architecture's latest image of a name that the local store has, in the order of the architectures. */
export async function findLatest(name: string, buildah: Buildah): Promise<readonly VersionedImage[]> {
  const stored = await buildah.images();
  const found = archNames.map(async (arch): Promise<readonly VersionedImage[]> => {
    const image = stored.find(({ names }) => names.includes(`${name}:latest-${arch}`));
    if (image === undefined) return [];
    const description = await buildah.describe(image.id);
    return [{ arch, id: image.id, digest: image.digest, version: versionOf(name, arch, description) }];
  });
  return (await Promise.all(found)).flat();
}

/** The version that an image of ours carries as its label. Throws Failure for an image of somebody else. */
export function versionOf(name: string, arch: Arch, { config }: Pick<ImageDescription, "config">): string {
  const version = config.config?.Labels?.["org.opencontainers.image.version"];
  if (version !== undefined && version !== "") return version;
  throw new Failure(`cannot tell the version of ${name}:latest-${arch}: it has no label for it`, {
    hint: "dhcpd-build labels what it builds; another image stands under this name",
  });
}

/** The one version that images of several architectures have. Throws Failure where they differ. */
export function commonVersion(
  name: string,
  images: readonly { readonly arch: Arch; readonly version: string }[],
): string {
  const [first] = images;
  if (first === undefined) throw new Error("no images have no version");
  const other = images.find(({ version }) => version !== first.version);
  if (other === undefined) return first.version;
  throw new Failure(
    `cannot put the images of ${name} together: ${first.arch} has version ${first.version}, ${other.arch} has ${other.version}`,
    { hint: "build them all from the same packages; --refresh fetches newer package lists" },
  );
}
