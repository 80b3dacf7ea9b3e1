import path from "node:path";
import { locate, type Root } from "./root.ts";

/** A link that leads to nothing. */
export interface Dangling {
  /** The last link on the way; absolute, its directory's links resolved. */
  readonly link: string;
  /** Where it leads to; absolute. */
  readonly target: string;
}

/** MAXSYMLINKS of path_resolution(7). */
const mostLinks = 40;

/** The link at which the way to `wanted` ends because what it leads to is not there; undefined where no link is the reason. */
export function danglingLink(root: Root, wanted: string): Dangling | undefined {
  let found: Dangling | undefined;
  for (let here = wanted, hops = 0; hops < mostLinks; hops++) {
    const directory = locate(root, path.posix.dirname(here))?.path;
    if (directory === undefined) return found;
    const link = path.posix.join(directory, path.posix.basename(here));
    const entry = root.entry(link);
    if (entry?.kind !== "symlink") return entry === undefined ? found : undefined;
    here = path.posix.resolve(directory, entry.target ?? "");
    found = { link, target: here };
  }
  return undefined;
}
