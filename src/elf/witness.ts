import type { Closure } from "./closure.ts";
import type { RootView } from "./view.ts";

/** What `ld.so --list` of the root's own loader printed for a program. */
export interface Listing {
  /** As the loader opened them, links unresolved; the kernel's vdso left out. */
  readonly files: readonly string[];
  readonly missing: readonly string[];
}

/** Reads the output of `ld.so --list FILE`, of ldd(1), or of musl's `--list`. */
export function parseListing(stdout: string): Listing {
  const files: string[] = [];
  const missing: string[] = [];
  for (const line of stdout.split("\n")) {
    const match = /^\t(?:(.*) => )?(.*?)(?: \(0x[0-9a-f]+\))?$/.exec(line);
    if (match === null) continue;
    const [, asked, found = ""] = match;
    if (found === "not found") missing.push(asked ?? "");
    else if (found.startsWith("/")) files.push(found);
  }
  return { files, missing };
}

/**
 * Sentences about where the loader and the closure disagree; empty where they agree. What the program opens later by itself and hwcaps
 * variants are no part of the comparison: the first the loader does not list, the second it lists by the processor it runs on.
 */
export function disagreements(view: RootView, closure: Closure, listing: Listing): readonly string[] {
  const canonical = (file: string) => view.locate(file)?.path ?? file;
  const interpreter = closure.interpreter === undefined ? undefined : canonical(closure.interpreter);
  const loaded = new Set(
    listing.files.map(canonical).filter((file) => file !== interpreter && file !== closure.binary),
  );
  const known = new Map(closure.files.map((file) => [file.path, file]));
  const expected = closure.files.filter(
    ({ path, foundBy }) => foundBy !== "plug-in" && path !== interpreter && !later(closure, path),
  );
  return [
    ...[...loaded].filter((file) => !known.has(file)).map((file) => `the loader also loads ${file}`),
    ...expected
      .filter(({ path, foundBy }) => !loaded.has(path) && !foundBy.endsWith("hwcaps"))
      .map(({ path, foundBy }) => `the loader does not load ${path} (${foundBy})`),
    ...listing.missing
      .filter((soname) => !closure.missing.some((each) => each.soname === soname))
      .map((soname) => `the loader misses ${soname}`),
  ];
}

/** Whether a file is there only for what is opened later: all ways to it lead through such a file or a variant. */
function later(closure: Closure, path: string): boolean {
  const byPath = new Map(closure.files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const file = byPath.get(next);
    if (next === closure.binary) return false;
    if (file === undefined || reached.has(next)) continue;
    reached.add(next);
    if (
      file.foundBy === "dlopen" ||
      file.foundBy === "plug-in" ||
      file.foundBy === "audit" ||
      file.foundBy.endsWith("hwcaps")
    )
      continue;
    pending.push(...file.requiredBy);
  }
  return true;
}
