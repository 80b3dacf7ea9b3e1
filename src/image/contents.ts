import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { listMembers, type Member } from "../system/archive.ts";
import { Failure } from "../system/errors.ts";
import type { Buildah } from "./buildah.ts";

/** A file, directory or link of an image. */
export interface Content extends Member {
  /** The tar on this host that it lies in. */
  readonly layer: string;
}

/** Everything in an image as a container would see it, by absolute path; `scratch` is a directory for its layers meanwhile. */
export async function readContents(
  image: string,
  scratch: string,
  buildah: Buildah,
): Promise<ReadonlyMap<string, Content>> {
  await buildah.writeLayers(image, scratch);
  const manifest = JSON.parse(readFileSync(path.join(scratch, "manifest.json"), "utf8")) as {
    readonly layers: readonly { readonly digest: string }[];
  };
  const contents = new Map<string, Content>();
  for (const { digest } of manifest.layers) applyLayer(contents, path.join(scratch, digest.replace("sha256:", "")));
  return contents;
}

/** Whiteouts are as in the OCI image specification, layer.md: `.wh.NAME` removes a name, `.wh..wh..opq` all that was below. */
function applyLayer(contents: Map<string, Content>, layer: string): void {
  const file = openSync(layer, "r");
  try {
    for (const member of listMembers(file, statSync(layer).size)) {
      const place = path.posix.join("/", member.name);
      const name = path.posix.basename(place);
      const parent = path.posix.dirname(place);
      if (name === ".wh..wh..opq") removeBelow(contents, parent);
      else if (name.startsWith(".wh.")) {
        const removed = path.posix.join(parent, name.slice(".wh.".length));
        contents.delete(removed);
        removeBelow(contents, removed);
      } else {
        if (member.kind !== "directory") removeBelow(contents, place);
        contents.set(place, { ...member, layer });
      }
    }
  } finally {
    closeSync(file);
  }
}

/** The SHA-1 of a regular file, lower-case hex; undefined if there is none at the path. */
export function sha1Of(contents: ReadonlyMap<string, Content>, place: string): string | undefined {
  const found = contents.get(place);
  // A layer repeats no bytes: a hard link names the member that has them.
  const content = found?.kind === "hardlink" ? contents.get(path.posix.join("/", found.linkName)) : found;
  if (content?.kind !== "file") return undefined;
  const hash = createHash("sha1");
  const file = openSync(content.layer, "r");
  try {
    const chunk = Buffer.alloc(Math.min(content.size, 1024 * 1024));
    for (let done = 0; done < content.size; ) {
      const length = readSync(file, chunk, 0, Math.min(chunk.length, content.size - done), content.offset + done);
      if (length === 0) throw new Failure(`cannot read ${place}: the layer ends before it`);
      hash.update(chunk.subarray(0, length));
      done += length;
    }
    return hash.digest("hex");
  } finally {
    closeSync(file);
  }
}

function removeBelow(contents: Map<string, Content>, directory: string): void {
  for (const place of contents.keys()) if (place.startsWith(`${directory}/`)) contents.delete(place);
}
