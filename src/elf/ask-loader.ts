import { Failure } from "../system/errors.ts";
import { openDirectoryRoot } from "../system/root.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import { visibleLines } from "../system/visible.ts";
import { type Closure, type ClosureOptions, resolveClosure } from "./closure.ts";
import { type RootView, viewRoot } from "./view.ts";
import { disagreements, type Listing, parseListing } from "./witness.ts";

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
