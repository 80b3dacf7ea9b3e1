import type { Closure, ClosureOptions, MissingFile } from "../loader/closure.ts";
import { resolveClosure, type ScriptText } from "../loader/resolve.ts";
import { type RootView, viewRoot } from "../loader/root-view.ts";
import type { PackageSource, Wanted } from "../packages/source.ts";
import { Failure } from "../system/errors.ts";
import { danglingLink, type Root } from "../system/root.ts";
import { visibleLines } from "../system/visible.ts";
import { closuresOfIncluded, closuresOfScripts, expandInclude, expandLib } from "./included.ts";
import { confDirectories, SonameLinks } from "./ldconfig.ts";

/** Closures in which nothing is missing. */
export interface CompleteClosure {
  /** Of the programs. */
  readonly closures: readonly Closure[];
  /** Of what else is in the image and can be loaded or started: included files and the recipe's own scripts. */
  readonly included: readonly Closure[];
  /** The paths to include, $LIB and wildcards replaced. */
  readonly include: readonly string[];
  /** What is missing and only a script in an included directory asks for. */
  readonly lacking: readonly MissingFile[];
  readonly view: RootView;
}

const nsswitchFile = "/etc/nsswitch.conf";

/** What is in the image besides its programs. */
export interface Companions {
  /** Paths of the packages; with $LIB and wildcards. */
  readonly include?: readonly string[];
  /** The recipe's own executable files. */
  readonly scripts?: readonly ScriptText[];
  /** The recipe's hint for files that no package has. */
  readonly ifMissing?: string;
}

/**
 * The closures of these programs, of ELF files and scripts at or below the paths `include`, and of the recipe's own scripts, over packages that are taken in as files are found
 * missing, until nothing is. The directories of the packages' ld.so.conf count, as they would on an installed system: what is found
 * there says "cache", and the image needs one; so do the links that ldconfig would make. Throws a Failure that names every file nobody
 * provides, with all who need it.
 */
export async function completeClosure(
  binaries: readonly string[],
  source: Pick<PackageSource, "provide"> & { readonly root: Root },
  options: ClosureOptions = {},
  { include = [], scripts = [], ifMissing }: Companions = {},
): Promise<CompleteClosure> {
  const root = new SonameLinks(source.root);
  const view = viewRoot(root);
  for (let round = 1; ; round++) {
    if (round > mostRounds) {
      throw new Failure(`cannot complete the closure: libraries lead to each other in more than ${mostRounds} rounds`);
    }
    const cachedDirectories = confDirectories(view);
    const nsswitch = include.includes(nsswitchFile) ? (view.text(nsswitchFile) ?? "") : "";
    const complete = { threadUnwinder: true, nsswitch, cachedDirectories, ...options };
    const closures = binaries.map((binary) => resolveClosure(view, binary, complete));
    const paths = include.flatMap((each) => expandInclude(expandLib(each, closures), view));
    const rest = { ...complete, plugins: [], nsswitch: "" };
    const included = [...closuresOfIncluded(view, paths, rest), ...closuresOfScripts(view, scripts, rest)];
    const all = [...closures, ...included];
    const missing = allMissing(all);
    if (missing.length > mostMissing) {
      const [{ soname = "", requiredBy = [] } = {}] = missing;
      throw new Failure(
        `cannot complete the closure: ${missing.length} libraries are missing, more than ${mostMissing}, among them ${soname}, needed by ${requiredBy[0]}`,
      );
    }
    const wanted = [...missing.map((each) => asWanted(each, view.root)), ...unanswered(all)];
    const isMore = wanted.length > 0 && (await source.provide(wanted));
    // A package that has a file of that name comes first: on a whole system ldconfig would leave it.
    if (!isMore && !root.make(missing, cachedDirectories, view)) {
      const fatal = missing.filter(({ optional }) => optional !== true);
      if (fatal.length > 0) throw nobodyProvides(fatal, ifMissing);
      return { closures, included, include: [...new Set(paths)], lacking: missing, view };
    }
    view.forgetPlaces();
  }
}

/** Each round takes in what the one before found missing; Kea takes five. */
const mostRounds = 200;
/** A package is looked for, for each of them; of 728 programs of a Debian 12, gdb needs most, 57 libraries in all. */
const mostMissing = 2000;
/** So many of them a sentence names. */
const mostNamed = 50;

/** Where a link is there already, what it leads to is wanted, and the link's package is who knows where that is. */
function asWanted({ soname, requiredBy, optional }: MissingFile, root: Root): Wanted {
  const dangling = soname.startsWith("/") ? danglingLink(root, soname) : undefined;
  const wanted =
    dangling === undefined ? { wanted: soname, requiredBy } : { wanted: dangling.target, requiredBy: [dangling.link] };
  return optional === true ? { ...wanted, optional } : wanted;
}

/** Everything the closures lack, each name once with all its requirers. */
function allMissing(closures: readonly Closure[]): readonly MissingFile[] {
  const missing = new Map<string, MissingFile>();
  const requirers = new Map<string, Set<string>>();
  for (const each of closures.flatMap((closure) => closure.missing)) {
    const known = missing.get(each.soname) ?? each;
    const requiredBy = requirers.get(each.soname) ?? new Set();
    for (const requirer of each.requiredBy) requiredBy.add(requirer);
    requirers.set(each.soname, requiredBy);
    const { optional = false, ...rest } = { ...each, ...known };
    missing.set(each.soname, optional && each.optional === true ? { ...rest, optional } : rest);
  }
  return [...missing.values()].map((each) => ({ ...each, requiredBy: [...(requirers.get(each.soname) ?? [])] }));
}

/** Recommended libraries that are not there: asked for like the others, but nobody fails for want of them. */
function unanswered(closures: readonly Closure[]): readonly Wanted[] {
  const absent = closures.flatMap((closure) => closure.dlopen).filter((each) => each.outcome === "absent");
  return absent.flatMap(({ sonames, requester, priority }) =>
    priority === "required"
      ? []
      : sonames.slice(0, 1).map((wanted) => ({ wanted, requiredBy: [requester], optional: true })),
  );
}

/** What is there and does not do is another matter than what nobody has. */
function nobodyProvides(missing: readonly MissingFile[], ifMissing: string | undefined): Failure {
  const lines = (each: readonly MissingFile[]) => [
    ...each.slice(0, mostNamed).map(({ soname, requiredBy, because }) => {
      return `  ${soname}, needed by ${requiredBy.join(", ")}${because === undefined ? "" : ` (${because})`}`;
    }),
    ...(each.length > mostNamed ? [`  and ${each.length - mostNamed} more`] : []),
  ];
  const absent = missing.filter(({ because }) => because === undefined);
  const useless = missing.filter(({ because }) => because !== undefined);
  const parts = [
    ...(absent.length === 0 ? [] : [`no package provides\n${visibleLines(lines(absent))}`]),
    ...(useless.length === 0 ? [] : [`the loader cannot use\n${visibleLines(lines(useless))}`]),
  ];
  return new Failure(`cannot complete the closure: ${parts.join("\n")}`, {
    hint:
      absent.length === 0
        ? "name the library itself, as its soname or the path that the loader opens"
        : (ifMissing ??
          "what the packages do not depend on, name in scratch.packages: plug-ins and name services often have packages of their own"),
  });
}
