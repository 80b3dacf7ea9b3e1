import { Failure } from "../system/errors.ts";
import { openDirectoryRoot } from "../system/root.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import type { Closure } from "./closure.ts";
import { viewRoot } from "./view.ts";
import { disagreements, type Listing, parseListing } from "./witness.ts";

/** Owner of nothing. */
const nobody = "65534:65534";

/**
 * Asks the loader of an image's own tree, unpacked in `directory`, about every closure. false where this machine cannot ask; throws a
 * Failure with every difference where the loader says something else.
 */
export async function hearWitness(directory: string, closures: readonly Closure[], run: Run): Promise<boolean> {
  const view = viewRoot(openDirectoryRoot(directory));
  const listings = await Promise.all(closures.map((closure) => askLoader(directory, closure, run)));
  const differences = closures.flatMap((closure, index) => {
    const listing = listings[index];
    return listing === undefined
      ? []
      : disagreements(view, closure, listing).map((each) => `  for ${closure.binary} ${each}`);
  });
  if (differences.length === 0) return listings.some((listing) => listing !== undefined);
  throw new Failure(`cannot trust the closure: the image's own loader does not agree\n${differences.join("\n")}`, {
    hint: "this should not happen; --no-witness builds all the same",
  });
}

/**
 * What the loader of an image's own tree lists for a program (`ld.so --list`), with `directory` as its root and no privilege: the second
 * witness. undefined where this machine does not run the architecture's programs, or lets nobody change the root.
 */
async function askLoader(directory: string, closure: Closure, run: Run): Promise<Listing | undefined> {
  if (closure.interpreter === undefined) return undefined;
  const enter =
    process.getuid?.() === 0
      ? (["chroot", `--userspec=${nobody}`, directory] as const)
      : (["unshare", "--map-root-user", `--root=${directory}`] as const);
  try {
    return parseListing(await run([...enter, closure.interpreter, "--list", closure.binary]));
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    // The loader says which libraries it misses, and ends with 1 or 127.
    if (/=> not found/.test(error.stdout)) return parseListing(error.stdout);
    const cannotRun = /exec format error|operation not permitted|cannot change root|unshare failed/i;
    if (error.notFound || cannotRun.test(error.stderr)) return undefined;
    throw error;
  }
}
