import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import * as z from "zod";
import type { ImageDescription } from "../image/config.ts";
import { Failure, systemErrorCode } from "../system/errors.ts";
import { CommandFailure, type Run } from "../system/run.ts";

/** An image in a directory (containers-transports(5), `dir:`), which anybody may have made. */
export interface DirImage {
  readonly config: ImageDescription["config"];
  /** The files of the layers, compressed or not, from the lowest; with the digest that each has without compression. */
  readonly layers: readonly { readonly file: string; readonly diffId: string }[];
}

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** https://github.com/opencontainers/image-spec/blob/main/manifest.md */
const manifestShape = z.looseObject({
  config: z.looseObject({ digest }),
  layers: z.array(z.looseObject({ digest })),
});
/** https://github.com/opencontainers/image-spec/blob/main/config.md, of which Go reads null as nothing. */
const configShape = z.looseObject({
  architecture: z.string(),
  config: z
    .looseObject({ Labels: z.record(z.string(), z.string()).nullish() })
    .nullish()
    .transform((config) => ({ ...config, Labels: config?.Labels ?? {} })),
  rootfs: z.looseObject({ diff_ids: z.array(digest) }),
});
/** No registry takes a larger manifest (distribution specification, "Pushing Manifests"); a configuration has no reason to be larger. */
const maxJsonBytes = 4 * 1024 * 1024;

/**
 * Reads one image of a directory: the only one, or that of an index with this manifest digest. `name` is what a Failure calls it.
 */
export async function readDirImage(name: string, directory: string, manifestDigest?: string): Promise<DirImage> {
  const manifestFile = manifestDigest === undefined ? "manifest.json" : `${fileOf(manifestDigest)}.manifest.json`;
  const manifest = await readJson(name, path.join(directory, manifestFile), manifestShape);
  const config = await readJson(name, path.join(directory, fileOf(manifest.config.digest)), configShape);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length)
    throw new Failure(
      `cannot read the image ${name}: it has ${manifest.layers.length} layers, its configuration ${diffIds.length}`,
    );
  const layers = manifest.layers.map((layer, position) => ({
    file: path.join(directory, fileOf(layer.digest)),
    diffId: diffIds[position] ?? "",
  }));
  return { config, layers };
}

function fileOf(digest: string): string {
  return digest.replace("sha256:", "");
}

async function readJson<Shape extends z.ZodType>(name: string, file: string, shape: Shape): Promise<z.infer<Shape>> {
  if ((await stat(file)).size > maxJsonBytes)
    throw new Failure(`cannot read the image ${name}: its manifest or configuration is larger than 4 MiB`);
  const parsed = shape.safeParse(parseJson(await readFile(file, "utf8")));
  if (parsed.success) return parsed.data;
  throw new Failure(
    `cannot read the image ${name}: its manifest or configuration is not as the OCI image specification has it`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The tar of a layer as a file: its own or one beside it. Throws Failure if it is not the one that the configuration is about. */
export async function uncompressedLayer(
  name: string,
  { file, diffId }: DirImage["layers"][number],
  run: Run,
): Promise<string> {
  const unpacked = `${file}.tar`;
  const magic = await firstBytes(file, 4);
  const isGzip = magic.startsWith("1f8b");
  const isZstd = magic === "28b52ffd";
  const cannot = `cannot unpack a layer of the image ${name}`;
  if (isGzip) {
    try {
      await pipeline(createReadStream(file), createGunzip(), createWriteStream(unpacked));
    } catch (error) {
      if (!systemErrorCode(error)?.startsWith("Z_")) throw error;
      throw new Failure(`${cannot}: it is damaged`, { cause: error });
    }
  } else if (isZstd) {
    try {
      await run(["zstd", "--decompress", "--quiet", "--force", "-o", unpacked, file]);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      if (!error.notFound) throw new Failure(`${cannot}: ${error.complaint}`, { cause: error });
      throw new Failure(`${cannot}: zstd is not installed`, { hint: "install the package zstd", cause: error });
    }
  }
  const tar = isGzip || isZstd ? unpacked : file;
  const hash = createHash("sha256");
  await pipeline(createReadStream(tar), hash);
  if (diffId === `sha256:${hash.digest("hex")}`) return tar;
  throw new Failure(`${cannot}: its content is not what the image's configuration names`);
}

async function firstBytes(file: string, count: number): Promise<string> {
  const opened = await open(file, "r");
  try {
    const { buffer, bytesRead } = await opened.read(Buffer.alloc(count), 0, count, 0);
    return buffer.toString("hex", 0, bytesRead);
  } finally {
    await opened.close();
  }
}
