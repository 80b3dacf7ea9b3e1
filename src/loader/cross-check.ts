import { Failure } from "../system/errors.ts";
import { openDirectoryRoot } from "../system/root.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import { visibleLines } from "../system/visible.ts";
import type { Closure, ClosureOptions } from "./closure.ts";
import { resolveClosure } from "./resolve.ts";
import { type RootView, viewRoot } from "./root-view.ts";

/** What became of asking an image's own loader. */
export type LoaderCheck = "agreed" | "not asked";

/** Owner of nothing. */
const nobody = "65534:65534";

/**
 * Asks the loader of an image's own tree, unpacked in `directory`, about every program of the closures, with what
 * `options` say of the program's environment. "not asked" where this machine does not run the architecture's programs, lets nobody change
 * the root, or there is no loader. Throws a Failure with every difference where the loader says something else.
 */
export async function crossCheckWithLoader(
  directory: string,
  closures: readonly Closure[],
  options: ClosureOptions,
  run: Run,
): Promise<LoaderCheck> {
  const view = viewRoot(openDirectoryRoot(directory));
  const programs = closures.flatMap((closure) => startedPrograms(view, closure, options));
  const listings = await Promise.all(programs.map((program) => askLoader(directory, program, options, run)));
  const differences = programs.flatMap((program, index) => {
    const listing = listings[index];
    const found = listing === undefined ? [] : disagreements(view, program, listing);
    return found.map((each) => `  for ${program.binary} ${each}`);
  });
  if (differences.length === 0) return listings.some((listing) => listing !== undefined) ? "agreed" : "not asked";
  throw new Failure(`cannot trust the closure: the image's own loader does not agree\n${visibleLines(differences)}`, {
    hint: "this should not happen, please report it; to build anyway, use --no-loader-check",
  });
}

/** The programs that a loader starts: of a script, its interpreters. */
function startedPrograms(view: RootView, closure: Closure, options: ClosureOptions): readonly Closure[] {
  if (closure.kind !== "script") return closure.interpreter === undefined ? [] : [closure];
  const interpreters = closure.files.filter(({ foundBy }) => foundBy === "script");
  return interpreters
    .map(({ path }) => resolveClosure(view, path, options))
    .filter(({ kind, interpreter }) => kind === "dynamic" && interpreter !== undefined);
}

/** What the loader lists for a program (`ld.so --list`), with `directory` as its root and no privilege; undefined where it cannot run here. */
async function askLoader(
  directory: string,
  { binary, interpreter = "" }: Closure,
  { libraryPath, preload }: ClosureOptions,
  run: Run,
): Promise<Listing | undefined> {
  const enter =
    process.getuid?.() === 0
      ? (["chroot", `--userspec=${nobody}`, directory] as const)
      : (["unshare", "--map-root-user", `--root=${directory}`] as const);
  const ask = [
    interpreter,
    // As options, because the variables would be chroot's, too.
    ...(libraryPath === undefined ? [] : ["--library-path", libraryPath]),
    ...(preload === undefined ? [] : ["--preload", preload]),
    ...["--list", binary],
  ];
  try {
    return parseListing(await run([...enter, ...ask], { env: { LD_LIBRARY_PATH: undefined, LD_PRELOAD: undefined } }));
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    // The loader says which libraries it misses, and ends with 1 or 127.
    if (/=> not found/.test(error.stdout)) return parseListing(error.stdout);
    if (error.notFound || /^(chroot|unshare): /m.test(error.stderr)) return undefined;
    throw new Failure(`cannot trust the closure: the image's own loader does not take ${binary}: ${error.complaint}`, {
      hint: "this should not happen, please report it; to build anyway, use --no-loader-check",
      cause: error,
    });
  }
}

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
