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
  const atStart = loadedAtStart(closure);
  const expected = closure.files.filter(({ path }) => path !== interpreter && atStart.has(path));
  const missing = new Set(closure.missing.map(({ soname }) => soname));
  return [
    ...[...loaded].filter((file) => !known.has(file)).map((file) => `the loader also loads ${file}`),
    ...expected
      .filter(({ path, foundBy }) => !loaded.has(path) && !foundBy.endsWith("hwcaps"))
      .map(({ path, foundBy }) => `the loader does not load ${path} (${foundBy})`),
    ...listing.missing.filter((soname) => !missing.has(soname)).map((soname) => `the loader misses ${soname}`),
  ];
}

/** The files that are loaded at start: a way leads to them that has no file opened later and no variant on it. */
function loadedAtStart({ binary, files }: Closure): ReadonlySet<string> {
  const askedBy = new Map<string, string[]>();
  for (const { path, foundBy, requiredBy } of files) {
    if (foundBy === "dlopen" || foundBy === "plug-in" || foundBy === "audit" || foundBy.endsWith("hwcaps")) continue;
    for (const requirer of requiredBy) {
      const asked = askedBy.get(requirer);
      if (asked === undefined) askedBy.set(requirer, [path]);
      else asked.push(path);
    }
  }
  const reached = new Set([binary]);
  // A set is walked through to what is added on the way.
  for (const requirer of reached) for (const path of askedBy.get(requirer) ?? []) reached.add(path);
  return reached;
}
