import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Entry, FileEntry, Tree } from "./tree.ts";

/**
 * Writes what a loader reads of a tree into the existing, empty `directory`: programs, libraries, links and the loader's own files, readable
 * by everybody and owned by nobody else. What the recipe adds is left out but for files in /etc.
 */
export function unpackForLoader(tree: Tree, directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of tree.entries()) {
    const place = directory + entry.path;
    if (entry.kind === "symlink") symlinkSync(entry.target, readied(place));
    else if (entry.kind === "file" && isRead(entry)) {
      writeFileSync(readied(place), bytesOf(entry));
      chmodSync(place, 0o755);
    }
  }
}

function isRead({ path: place, reason }: Entry): boolean {
  return reason.kind === "asked" || reason.kind === "needed" || place.startsWith("/etc/ld.so.");
}

/** The tree has no entry below a link, so that the way there is made of directories. */
function readied(place: string): string {
  const directory = path.dirname(place);
  const made = mkdirSync(directory, { recursive: true });
  for (let each = directory; made !== undefined && each.length >= made.length; each = path.dirname(each)) {
    chmodSync(each, 0o755);
  }
  return place;
}

function bytesOf({ content, size }: FileEntry): Uint8Array {
  return "bytes" in content ? content.bytes : content.root.read(content.path, 0, size);
}
