import { NotAProgram } from "../elf/errors.ts";
import type { ElfFile, ElfImage } from "../elf/read.ts";
import type { Located } from "../system/root.ts";
import type { Closure, ClosureOptions } from "./closure.ts";
import { usualInterpreters } from "./dialect.ts";
import { LinkMap, type LoadOutcome } from "./link-map.ts";
import { asLoaded } from "./loaded.ts";
import { nssLibraries } from "./name-services.ts";
import type { RootView } from "./root-view.ts";
import { distinctDirectories, expandDynamicStringTokens, type SearchContext } from "./search.ts";

/**
 * Plays the loader for one ELF file: its interpreter, preloaded and audit libraries, then breadth-first what each loaded file needs, then
 * what they open by themselves. Throws NotAProgram where the file cannot be started or loaded.
 */
export function loadProgram(
  view: RootView,
  place: Located,
  binary: string,
  image: ElfImage,
  options: ClosureOptions,
): Closure {
  const { file } = image;
  if (file.type !== "executable" && file.type !== "shared")
    throw new NotAProgram(binary, `it is an ELF file of type ${file.type}`);
  if (file.empty) throw new NotAProgram(binary, "it holds nothing to load, only debug information");
  const dynamic = file.interpreter !== undefined || (file.dynamic && !(file.pie && file.needed.length === 0));
  const itself = { binary: place.path, kind: dynamic ? "dynamic" : "static", links: place.links } as const;
  if (!dynamic) return { ...itself, files: [], missing: [], dlopen: [], warnings: [] };
  const interpreter = file.interpreter;
  return {
    ...itself,
    ...(interpreter === undefined ? {} : { interpreter }),
    ...runLoader(view, place, binary, image, options),
  };
}

function runLoader(
  view: RootView,
  place: Located,
  binary: string,
  image: ElfImage,
  options: ClosureOptions,
): LoadOutcome & Pick<Closure, "lib"> {
  const { file } = image;
  const interpreter = file.interpreter ?? usualInterpreter(view, file);
  // The kernel hands a program's canonical path to the loader; a library is opened under the name it was asked for.
  const main = asLoaded(place.path, file.interpreter === undefined ? binary : place.path, image, undefined);
  const loader = view.loader(file, interpreter);
  const around: SearchContext = {
    view,
    loader,
    loaderKey: `${file.machine} ${file.class} ${file.endianness} ${interpreter}`,
    main,
    workingDirectory: options.workingDirectory ?? "/",
    libraryPath: options.libraryPath,
    defaultDirectories: distinctDirectories(loader.directories, view),
    cachedDirectories: options.cachedDirectories ?? [],
    ways: new Map(),
  };
  const memory = new LinkMap(around);
  memory.addInterpreter(interpreter, file.interpreter !== undefined);
  for (const name of preloads(view, options)) memory.load(name, main, { rule: "preload", optional: true });
  for (const list of file.audit) {
    for (const name of list.split(":").filter((each) => each !== ""))
      memory.load(name, main, { rule: "audit", optional: true });
  }
  memory.settle();
  const plugins = (options.plugins ?? []).map((name) => expandDynamicStringTokens(name, main.origin, loader));
  for (const name of expandPlugins(view, plugins)) memory.load(name, main, { rule: "plug-in" });
  memory.settle();
  if (options.nsswitch !== undefined && loader.dialect === "glibc") {
    for (const name of nssLibraries(options.nsswitch, memory.images())) memory.load(name, main, { rule: "plug-in" });
    memory.settle();
  }
  if (options.threadUnwinder && loader.dialect === "glibc") memory.addThreadUnwinder();
  memory.followNotes(options.wantsDlopen ?? ((_, priority) => priority !== "suggested"));
  return { ...(loader.lib === undefined ? {} : { lib: loader.lib }), ...memory.outcome() };
}

function usualInterpreter(view: RootView, file: ElfFile): string {
  const candidates = usualInterpreters(file);
  const muslFirst = file.needed.some((name) => name === "libc.so" || name.startsWith("libc.musl-"));
  const ordered = muslFirst ? candidates.toReversed() : candidates;
  return ordered.find((candidate) => view.locate(candidate) !== undefined) ?? ordered[0] ?? "/lib/ld.so.1";
}

/** LD_PRELOAD first, then /etc/ld.so.preload: names between white space or colons, `#` begins a comment in the file. */
function preloads(view: RootView, options: ClosureOptions): readonly string[] {
  const fromFile = (options.preloadFile ?? view.text("/etc/ld.so.preload") ?? "").replace(/#.*/g, "");
  return [...(options.preload ?? "").split(/[ :]+/), ...fromFile.split(/[\s:]+/)].filter((name) => name !== "");
}

/**
 * The plug-ins that names from a recipe stand for: a directory stands for every ELF library directly in it, in the order of
 * their names (several names of one file once, object files left out); anything else stands for itself.
 */
function expandPlugins(view: RootView, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const directory = name.startsWith("/") ? view.directory(name) : undefined;
    if (directory === undefined) return [name];
    const seen = new Set<string>();
    return [...directory.names].toSorted().flatMap((file) => {
      const place = view.fileIn(directory, file);
      if (place?.entry.kind !== "file" || seen.has(place.path)) return [];
      const examined = view.examine(place);
      if ("broken" in examined || examined.image.file.type === "relocatable") return [];
      seen.add(place.path);
      return [`${name.replace(/\/+$/, "")}/${file}`];
    });
  });
}
