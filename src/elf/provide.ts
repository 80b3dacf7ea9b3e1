import type { PackageSource, Wanted } from "../packages/source.ts";
import { Failure } from "../system/errors.ts";
import { type Closure, type ClosureOptions, type MissingFile, resolveClosure } from "./closure.ts";
import { confDirectories } from "./conf.ts";
import { type RootView, viewRoot } from "./view.ts";

/**
 * The closures of these programs over packages that are taken in as files are found missing, until nothing is. The directories of the
 * packages' ld.so.conf count, as they would on an installed system: what is found there says "cache", and the image needs one. Throws a Failure that names every file nobody provides, with all who need it.
 */
export async function closeOver(
  binaries: readonly string[],
  source: Pick<PackageSource, "root" | "provide">,
  options: ClosureOptions = {},
): Promise<{ readonly closures: readonly Closure[]; readonly view: RootView }> {
  const view = viewRoot(source.root);
  for (;;) {
    const cachedDirectories = confDirectories(view);
    const complete = { threadUnwinder: true, cachedDirectories, ...options };
    const closures = binaries.map((binary) => resolveClosure(view, binary, complete));
    const missing = allMissing(closures);
    const wanted = [...missing, ...unanswered(closures)];
    if (wanted.length === 0) return { closures, view };
    if (!(await source.provide(wanted.map(asWanted)))) {
      if (missing.length === 0) return { closures, view };
      throw nobodyProvides(missing);
    }
    view.forgetPlaces();
  }
}

function asWanted({ soname, requiredBy }: MissingFile): Wanted {
  return { wanted: soname, requiredBy };
}

/** Everything the closures lack, each name once with all its requirers. */
function allMissing(closures: readonly Closure[]): readonly MissingFile[] {
  const missing = new Map<string, MissingFile>();
  for (const each of closures.flatMap((closure) => closure.missing)) {
    const requiredBy = [...new Set([...(missing.get(each.soname)?.requiredBy ?? []), ...each.requiredBy])];
    missing.set(each.soname, { ...each, ...missing.get(each.soname), requiredBy });
  }
  return [...missing.values()];
}

/** Recommended libraries that are not there: asked for like the others, but nobody fails for want of them. */
function unanswered(closures: readonly Closure[]): readonly MissingFile[] {
  const absent = closures.flatMap((closure) => closure.dlopen).filter((each) => each.outcome === "absent");
  return absent.flatMap(({ sonames, requester, priority }) =>
    priority === "required" ? [] : sonames.slice(0, 1).map((soname) => ({ soname, requiredBy: [requester] })),
  );
}

function nobodyProvides(missing: readonly MissingFile[]): Failure {
  const lines = missing.map(({ soname, requiredBy, because }) => {
    return `  ${soname}, needed by ${requiredBy.join(", ")}${because === undefined ? "" : ` (${because})`}`;
  });
  return new Failure(`cannot complete the closure: no package provides\n${lines.join("\n")}`);
}
