import { closeSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { readLinkedIn } from "../elf/linked-in.ts";
import type { Content } from "../image/contents.ts";
import type { NativeFile } from "../report/sbom.ts";

/** The programs and libraries among an image's contents, with what they declare to be linked in, sorted by path. */
export async function nativeFilesIn(contents: ReadonlyMap<string, Content>): Promise<readonly NativeFile[]> {
  using layers = openLayers();
  return [...contents]
    .flatMap(([place, content]) => {
      const file = content.kind === "hardlink" ? contents.get(path.posix.join("/", content.linkName)) : content;
      if (file?.kind !== "file") return [];
      const linkedIn = readLinkedIn((position, length) => layers.read(file, position, length), file.size);
      return linkedIn === undefined ? [] : [{ path: place, ...linkedIn }];
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Each layer is opened once. */
function openLayers() {
  const handles = new Map<string, number>();
  return {
    read({ layer, offset, size }: Content, position: number, length: number): Uint8Array {
      const handle = handles.get(layer) ?? openSync(layer, "r");
      handles.set(layer, handle);
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - position)));
      return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, offset + position));
    },
    [Symbol.dispose]: () => {
      for (const handle of handles.values()) closeSync(handle);
    },
  };
}
