import type { ElfFile, ElfImage } from "../elf/read.ts";
import { Failure } from "../system/errors.ts";
import type { Located } from "../system/root.ts";
import type { Loader } from "./dialect.ts";
import type { Loaded } from "./loaded.ts";
import type { Directory, RootView } from "./root-view.ts";

/** The rule of ld.so(8) or of the kernel by which a file was found. */
export type Rule =
  | "needed path"
  | "rpath"
  | "library path"
  | "runpath"
  | "cache"
  | "default"
  | "interpreter"
  | "preload"
  | "audit"
  | "filter"
  | "auxiliary"
  | "dlopen"
  | "plug-in"
  | "script";

/** `hwcaps` marks a variant that only some processors prefer to the file of the same name. */
export type FoundBy = Rule | `${Rule} hwcaps`;

/** Everything a search depends on apart from the requester. */
export interface SearchContext {
  readonly view: RootView;
  readonly loader: Loader;
  /** Tells this loader from others in the view's memory. */
  readonly loaderKey: string;
  readonly main: Loaded;
  readonly workingDirectory: string;
  /** LD_LIBRARY_PATH. */
  readonly libraryPath: string | undefined;
  /** The loader's own directories that are there, each once. */
  readonly defaultDirectories: readonly string[];
  /** Searched last: what ldconfig would put into the cache of a complete system, which this root is not yet. */
  readonly cachedDirectories: readonly string[];
  /** Worked out once for each requester. */
  readonly ways: Map<Loaded, Way>;
}

export interface Match {
  readonly place: Located;
  /** The name it was opened under, links and `..` as they were. */
  readonly openedAs: string;
  readonly image: ElfImage;
  readonly foundBy: FoundBy;
}

/** `broken` is a file that the loader opens in its search, and gives up over. */
export interface SearchResult {
  readonly match?: Match;
  readonly broken?: { readonly path: string; readonly because: string };
  readonly variants: readonly Match[];
}

/** Where a requester's needs are searched before the cache; requesters with equal keys find equal files. */
export interface Way {
  readonly stages: readonly Stage[];
  readonly key: string;
}

interface Stage {
  readonly rule: Rule;
  readonly directories: readonly string[];
}

const nothing: SearchResult = { variants: [] };

/** Looks for a name that a loaded file asks for, in the order of ld.so(8), or of musl where that is the root's loader. */
export function search(name: string, requester: Loaded, around: SearchContext): SearchResult {
  const { file } = requester.image;
  if (name.includes("/")) return searchPath(absolute(name, around), file, around);
  const { stages, key } = wayOf(requester, around);
  return around.view.remember(key, name, () => searchStages(name, file, stages, around));
}

/** Replaces $ORIGIN, $LIB and $PLATFORM, with or without braces; what is not known stays as it is. */
export function expandDynamicStringTokens(text: string, origin: string, loader: Loader): string {
  if (!text.includes("$")) return text;
  const values: Readonly<Record<string, string | undefined>> = {
    ORIGIN: origin,
    LIB: loader.lib,
    PLATFORM: loader.platform,
  };
  return text.replace(
    /\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))/g,
    (token, braced: string | undefined, bare: string | undefined) => values[braced ?? bare ?? ""] ?? token,
  );
}

function wayOf(requester: Loaded, around: SearchContext): Way {
  const known = around.ways.get(requester);
  if (known !== undefined) return known;
  const stages = around.loader.dialect === "musl" ? muslStages(requester, around) : glibcStages(requester, around);
  const { noDefaultLibraries } = requester.image.file;
  const way = { stages, key: JSON.stringify([around.loaderKey, around.cachedDirectories, noDefaultLibraries, stages]) };
  around.ways.set(requester, way);
  return way;
}

function glibcStages(requester: Loaded, around: SearchContext): readonly Stage[] {
  const { runpath } = requester.image.file;
  const rpaths = runpath === undefined ? requester.lent.filter((each) => each.rule === "rpath") : [];
  return [
    ...rpaths.map((each) => stage("rpath", each.list, each.origin, around)),
    ...libraryPathStages(around),
    ...(runpath === undefined ? [] : [stage("runpath", runpath, requester.origin, around)]),
  ];
}

/** In musl DT_RUNPATH and DT_RPATH are the same thing, inherited, and come after LD_LIBRARY_PATH. */
function muslStages(requester: Loaded, around: SearchContext): readonly Stage[] {
  const lent = requester.lent.map((each) => stage(each.rule, each.list, each.origin, around));
  return [...libraryPathStages(around), ...lent];
}

function libraryPathStages(around: SearchContext): readonly Stage[] {
  return around.libraryPath === undefined
    ? []
    : [stage("library path", around.libraryPath, around.main.origin, around)];
}

function stage(rule: Rule, list: string, origin: string, around: SearchContext): Stage {
  const separator = rule === "library path" ? /[:;]/ : ":";
  const expanded = list.split(separator).map((element) => expandDynamicStringTokens(element, origin, around.loader));
  const directories = expanded.map((element) => absolute(element, around).replace(/(?<=.)\/+$/, ""));
  return { rule, directories: distinctDirectories(directories, around.view) };
}

/** An empty element is the working directory. */
function absolute(name: string, { workingDirectory }: SearchContext): string {
  if (name.startsWith("/")) return name;
  return name === "" ? workingDirectory : `${workingDirectory === "/" ? "" : workingDirectory}/${name}`;
}

function searchPath(path: string, like: ElfFile, { view }: SearchContext): SearchResult {
  const place = view.locate(path);
  if (place === undefined) return nothing;
  return resultOf(judge(view, place, like), place, path, "needed path", []);
}

function searchStages(name: string, like: ElfFile, before: readonly Stage[], around: SearchContext): SearchResult {
  const variants: Match[] = [];
  // musl has no cache.
  const cachedDirectories = around.loader.dialect === "musl" ? [] : around.cachedDirectories;
  const directories = like.noDefaultLibraries ? [] : around.defaultDirectories;
  for (const each of before) {
    const result = searchDirectories(name, like, each, variants, around);
    if (result !== undefined) return result;
  }
  return (
    searchCache(name, like, variants, around) ??
    searchDirectories(name, like, { rule: "default", directories }, variants, around) ??
    searchDirectories(name, like, { rule: "cache", directories: cachedDirectories }, variants, around) ??
    nothing
  );
}

function searchDirectories(
  name: string,
  like: ElfFile,
  { rule, directories }: Stage,
  variants: Match[],
  { view, loader }: SearchContext,
): SearchResult | undefined {
  for (const directory of directories) {
    if (view.directory(directory) === undefined) continue;
    for (const hwcaps of loader.hwcaps) {
      const found = openIn(view, `${directory}/glibc-hwcaps/${hwcaps}`, name, like, `${rule} hwcaps`);
      if (found?.match !== undefined) variants.push(found.match);
    }
    for (const below of [...loader.always.map((each) => `${directory}/${each}`), directory]) {
      const found = openIn(view, below, name, like, rule);
      if (found !== undefined) return { ...found, variants };
    }
  }
  return undefined;
}

function openIn(
  view: RootView,
  inside: string,
  name: string,
  like: ElfFile,
  foundBy: FoundBy,
): SearchResult | undefined {
  const directory: Directory | undefined = view.directory(inside);
  const place = directory === undefined ? undefined : view.fileIn(directory, name);
  if (place === undefined) return undefined;
  const verdict = judge(view, place, like);
  return verdict === undefined
    ? undefined
    : resultOf(verdict, place, `${inside === "/" ? "" : inside}/${name}`, foundBy, []);
}

function searchCache(name: string, like: ElfFile, variants: Match[], around: SearchContext): SearchResult | undefined {
  const { view, loader } = around;
  if (loader.dialect === "musl") return undefined;
  const inDefault = (path: string) => loader.directories.some((directory) => path.startsWith(`${directory}/`));
  const entries = (view.cache().get(name) ?? []).filter(
    (entry) =>
      (loader.cacheFlags === undefined || entry.flags === loader.cacheFlags) &&
      !(like.noDefaultLibraries && inDefault(entry.path)),
  );
  for (const entry of entries.filter((each) => each.hwcaps !== undefined && loader.hwcaps.includes(each.hwcaps))) {
    const place = view.locate(entry.path);
    const verdict = place === undefined ? undefined : judge(view, place, like);
    if (place !== undefined && verdict !== undefined && "image" in verdict) {
      variants.push({ place, openedAs: entry.path, image: verdict.image, foundBy: "cache hwcaps" });
    }
  }
  const entry = entries.find((each) => each.hwcaps === undefined);
  const place = entry === undefined ? undefined : view.locate(entry.path);
  if (entry === undefined || place === undefined) return undefined;
  const verdict = judge(view, place, like);
  return verdict === undefined ? undefined : resultOf(verdict, place, entry.path, "cache", variants);
}

function resultOf(
  verdict: Verdict,
  place: Located,
  openedAs: string,
  foundBy: FoundBy,
  variants: readonly Match[],
): SearchResult {
  if (verdict === undefined) return nothing;
  if ("because" in verdict) return { broken: { path: openedAs, because: verdict.because }, variants };
  return { match: { place, openedAs, image: verdict.image, foundBy }, variants };
}

/** undefined where the loader passes the file over and looks further. */
export type Verdict = { readonly image: ElfImage } | { readonly because: string } | undefined;

/**
 * What open_verify of glibc makes of a file: it passes over another class or machine and stops at anything else that is
 * wrong, another byte order included.
 */
export function judge(view: RootView, place: Located, like: ElfFile): Verdict {
  const examined = view.examine(place);
  if ("broken" in examined) return { because: examined.broken };
  const { file } = examined.image;
  if (file.class !== like.class) return undefined;
  if (file.endianness !== like.endianness) return { because: "its byte order is another" };
  if (file.machine !== like.machine) return undefined;
  if (file.type === "relocatable") return { because: "it is an object file, which only a linker reads" };
  if (file.type !== "shared" && file.type !== "executable") return { because: "neither a program nor a library" };
  return file.dynamic ? examined : { because: "it has no dynamic section" };
}

/** Each library is looked for in each of them. Of 2,714 ELF files of a Debian 12, none names more than two. */
const mostDirectories = 1024;

/**
 * Directories that are there, each once, because the same directory again cannot have anything else in it. Of neighbouring names of one
 * directory its own is taken, so that no link comes along that the loader does without; else the first, for the sake of the order. Throws Failure for
 * more than 1024.
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
