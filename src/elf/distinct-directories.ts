import { Failure } from "../system/errors.ts";
import type { RootView } from "./view.ts";

/** Each library is looked for in each of them; search paths in Debian 12 have a handful. */
const mostDirectories = 1024;

/**
 * Directories that are there, each once, because the same directory again cannot have anything else in it. Of neighbouring names of one
 * directory its own is taken, so that no link comes along that the loader does without; else the first, for the sake of the order. Throws Failure for
 * absurdly many.
 */
export function distinctDirectories(directories: readonly string[], view: RootView): readonly string[] {
  const found: { readonly canonical: string; name: string }[] = [];
  const known = new Set<string>();
  for (const directory of directories) {
    const canonical = view.directory(directory)?.path;
    if (canonical === undefined) continue;
    const last = found.at(-1);
    if (last?.canonical === canonical && directory === canonical) last.name = directory;
    else if (!known.has(canonical)) found.push({ canonical, name: directory });
    known.add(canonical);
  }
  if (found.length > mostDirectories)
    throw new Failure(`cannot search for libraries: a search path has more than ${mostDirectories} directories`);
  return found.map(({ name }) => name);
}
