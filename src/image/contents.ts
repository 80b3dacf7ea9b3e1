import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { listMembers, type Member } from "../system/archive.ts";
import type { Buildah } from "./buildah.ts";

/** Everything in an image as a container would see it, by absolute path; `scratch` is a directory for its layers meanwhile. */
export async function readContents(
  image: string,
  scratch: string,
  buildah: Buildah,
): Promise<ReadonlyMap<string, Member>> {
  await buildah.writeLayers(image, scratch);
  const manifest = JSON.parse(readFileSync(path.join(scratch, "manifest.json"), "utf8")) as {
    readonly layers: readonly { readonly digest: string }[];
  };
  const contents = new Map<string, Member>();
  for (const { digest } of manifest.layers) applyLayer(contents, path.join(scratch, digest.replace("sha256:", "")));
  return contents;
}

/** Whiteouts are as in the OCI image specification, layer.md: `.wh.NAME` removes a name, `.wh..wh..opq` all that was below. */
function applyLayer(contents: Map<string, Member>, layer: string): void {
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
        contents.set(place, member);
      }
    }
  } finally {
    closeSync(file);
  }
}

function removeBelow(contents: Map<string, Member>, directory: string): void {
  for (const place of contents.keys()) if (place.startsWith(`${directory}/`)) contents.delete(place);
}
