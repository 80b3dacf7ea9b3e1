import { NotAProgram } from "../elf/errors.ts";
import { looksLikeElf } from "../elf/read.ts";
import type { Closure, ClosureOptions } from "../loader/closure.ts";
import { resolveClosure, resolveScript, type ScriptText } from "../loader/resolve.ts";
import type { RootView } from "../loader/root-view.ts";
import { Failure } from "../system/errors.ts";
import { hasWildcard, matchingPaths } from "../system/glob.ts";
import type { Located } from "../system/root.ts";

/** What $LIB stands for in a path of the recipe is the loader's own matter; without a loader it stands for nothing. */
export function expandLib(wanted: string, closures: readonly Closure[]): string {
  const lib = closures.find((closure) => closure.lib !== undefined)?.lib;
  return lib === undefined ? wanted : wanted.replaceAll(/\$LIB\b|\$\{LIB\}/g, lib);
}

/**
 * The paths that an `include` of the recipe stands for in the packages at hand: itself, or what its wildcards match, sorted. Throws a Failure
 * for wildcards that match nothing.
 */
export function expandInclude(wanted: string, view: RootView): readonly string[] {
  if (!hasWildcard(wanted)) return [wanted];
  const paths = matchingPaths(view.root, wanted);
  if (paths.length > 0) return paths;
  throw new Failure(`cannot include ${wanted}: nothing in the packages matches it`, {
    hint: "a * or ? stands for no slash, ** for directories; name the package that has such files in scratch.packages",
  });
}

/**
 * The closures of every ELF file and executable script that is named or lies below a directory that is named: whoever takes a directory of
 * modules along does not want half of what they need. Data files have none. The interpreter of a script that is not named itself is wanted,
 * and optional.
 */
export function closuresOfIncluded(
  view: RootView,
  paths: readonly string[],
  options: ClosureOptions,
): readonly Closure[] {
  const found = new Map<string, Closure>();
  const named = new Set(paths.map((each) => view.locate(each)?.path));
  const pending = [...paths];
  const directories = new Set<string>();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const place = view.locate(next);
    if (place === undefined || found.has(place.path)) continue;
    if (place.entry.kind === "directory" && !directories.has(place.path)) {
      directories.add(place.path);
      for (const name of view.root.names(place.path)) pending.push(`${place.path}/${name}`);
    } else if (place.entry.kind === "file" && canBeLoaded(view, place)) {
      const closure = closureOf(view, place.path, options);
      if (closure === undefined) continue;
      const isOptional = closure.kind === "script" && !named.has(place.path);
      const missing = isOptional ? closure.missing.map((each) => ({ ...each, optional: true })) : closure.missing;
      found.set(place.path, { ...closure, missing });
    }
  }
  return [...found.values()].toSorted((one, other) => (one.binary < other.binary ? -1 : 1));
}

/** The closures of the recipe's own executable scripts; one whose interpreter the recipe gives, too, has none. */
export function closuresOfScripts(
  view: RootView,
  scripts: readonly ScriptText[],
  options: ClosureOptions,
): readonly Closure[] {
  const given = new Set(scripts.map(({ path }) => path));
  return scripts
    .map((script) => resolveScript(view, script, options))
    .filter((closure) => closure !== undefined)
    .filter(({ interpreter }) => !given.has(interpreter ?? ""));
}

function canBeLoaded(view: RootView, { path, entry }: Located): boolean {
  const start = view.root.read(path, 0, 4);
  return looksLikeElf(start) || ((entry.mode & 0o111) !== 0 && start[0] === 0x23 && start[1] === 0x21);
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
