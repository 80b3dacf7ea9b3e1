import path from "node:path";
/** A directory link of the image that was followed. */
export interface Followed {
  readonly path: string;
  readonly target: string;
}

export interface Resolved {
  /** Absolute, no link on the way to it; it may be a link itself, and need not be in the image. */
  readonly path: string;
  readonly followed: readonly Followed[];
}

/** The kernel's limit, MAXSYMLINKS of path_resolution(7). */
const mostLinks = 40;

/**
 * Where a path of the image lies when the links on the way to it are followed, those of the record alone: `/lib/x` in `/usr/lib`. The
 * last part itself is not followed. A relative path begins at the root.
 */
export function resolvePath(
  wanted: string,
  entries: ReadonlyMap<string, { readonly target?: string | undefined }>,
): Resolved {
  const followed: Followed[] = [];
  const pending = path.posix.resolve("/", wanted).split("/").filter(Boolean);
  let here = "/";
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    const next = path.posix.join(here, part);
    const target = entries.get(next)?.target;
    if (target === undefined || pending.length === 0 || followed.length === mostLinks) {
      here = next;
      continue;
    }
    followed.push({ path: next, target });
    pending.unshift(...target.split("/").filter(Boolean));
    if (target.startsWith("/")) here = "/";
  }
  return { path: here, followed };
}
