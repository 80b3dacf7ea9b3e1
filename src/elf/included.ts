import { type Closure, type ClosureOptions, resolveClosure } from "./closure.ts";
import { looksLikeElf } from "./read.ts";
import { NotAProgram } from "./refusals.ts";
import type { RootView } from "./view.ts";

/** What $LIB stands for in a path of the recipe is the loader's own matter; without a loader it stands for nothing. */
export function expandLib(wanted: string, closures: readonly Closure[]): string {
  const lib = closures.find((closure) => closure.lib !== undefined)?.lib;
  return lib === undefined ? wanted : wanted.replaceAll(/\$LIB\b|\$\{LIB\}/g, lib);
}

/**
 * The closures of every ELF file that is named or lies below a directory that is named: whoever takes a directory of modules along does not
 * want half of what they need. Data files have none.
 */
export function closuresOfIncluded(
  view: RootView,
  paths: readonly string[],
  options: ClosureOptions,
): readonly Closure[] {
  const found = new Map<string, Closure>();
  const pending = [...paths];
  const directories = new Set<string>();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const place = view.locate(next);
    if (place === undefined || found.has(place.path)) continue;
    if (place.entry.kind === "directory" && !directories.has(place.path)) {
      directories.add(place.path);
      for (const name of view.root.names(place.path)) pending.push(`${place.path}/${name}`);
    } else if (place.entry.kind === "file" && looksLikeElf(view.root.read(place.path, 0, 4))) {
      const closure = closureOf(view, place.path, options);
      if (closure !== undefined) found.set(place.path, closure);
    }
  }
  return [...found.values()].toSorted((one, other) => (one.binary < other.binary ? -1 : 1));
}

/** undefined for an ELF file that nobody can load: an object file, debug information. */
function closureOf(view: RootView, path: string, options: ClosureOptions): Closure | undefined {
  try {
    return resolveClosure(view, path, options);
  } catch (error) {
    if (error instanceof NotAProgram) return undefined;
    throw error;
  }
}
