import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import type { Run } from "../../../src/system/run.ts";
import { sha256 } from "./debian.ts";

/**
 * Writes a directory tree as an image layout with one layer (OCI image-layout.md), which `buildah from oci:DIRECTORY` takes. The layer is
 * not compressed: it is read many times and never sent anywhere.
 */
export async function writeImageLayout(
  run: Run,
  rootfs: string,
  output: string,
  image: { readonly arch: string; readonly entry: readonly string[] },
): Promise<void> {
  const blobs = path.join(output, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const tar = path.join(output, "layer.tar");
  await run([
    "tar",
    "--create",
    "--file",
    tar,
    "--directory",
    rootfs,
    "--sort=name",
    "--numeric-owner",
    "--exclude=./dev/*",
    ".",
  ]);
  const digest = await digestOf(tar);
  await rename(tar, path.join(blobs, digest));
  const put = async (mediaType: string, content: unknown) => {
    const text = JSON.stringify(content);
    await writeFile(path.join(blobs, sha256(text)), text);
    return { mediaType, digest: `sha256:${sha256(text)}`, size: Buffer.byteLength(text) };
  };
  const type = (name: string) => `application/vnd.oci.image.${name}`;
  const config = await put(type("config.v1+json"), {
    architecture: image.arch,
    os: "linux",
    config: {
      Cmd: image.entry,
      Env: ["PATH=/usr/local/bin:/usr/bin"],
      Labels: { "org.opencontainers.image.title": "stand-in (not Fedora)" },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
  });
  const { size } = await stat(path.join(blobs, digest));
  const manifest = await put(type("manifest.v1+json"), {
    schemaVersion: 2,
    mediaType: type("manifest.v1+json"),
    config,
    layers: [{ mediaType: type("layer.v1.tar"), digest: `sha256:${digest}`, size }],
  });
  await writeFile(path.join(output, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  await writeFile(path.join(output, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest("hex");
}
