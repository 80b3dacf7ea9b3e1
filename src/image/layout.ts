import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Descriptor } from "./config.ts";

const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
} as const;

/** What an OCI image is: its configuration (config.md), and its manifest's layers and annotations (manifest.md). */
export interface LayoutImage {
  readonly config: object;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Writes an image as an OCI layout (image specification, image-layout.md) into the existing, empty `directory`, without its layers:
 * buildah does not ask for one that its store has already. `name` is what the layout calls it. Returns the image ID, which is the digest of
 * the configuration.
 */
export async function writeLayout(directory: string, name: string, image: LayoutImage): Promise<string> {
  const blobs = path.join(directory, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const write = async (mediaType: string, content: object): Promise<Descriptor> => {
    const bytes = Buffer.from(JSON.stringify(content));
    const hash = createHash("sha256").update(bytes).digest("hex");
    await writeFile(path.join(blobs, hash), bytes);
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  };
  const config = await write(mediaTypes.config, image.config);
  const { layers, annotations } = image;
  const manifest = await write(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers,
    annotations,
  });
  const named = { ...manifest, annotations: { "org.opencontainers.image.ref.name": name } };
  await writeFile(path.join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  await writeFile(path.join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return config.digest;
}
