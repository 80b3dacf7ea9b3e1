import type { Located } from "../system/root.ts";
import type { Closure, ClosureOptions } from "./closure.ts";
import { distinctDirectories } from "./distinct-directories.ts";
import { asLoaded } from "./loaded.ts";
import { usualInterpreters } from "./loader.ts";
import { LoaderMemory, type LoadOutcome } from "./memory.ts";
import { nssLibraries } from "./name-services.ts";
import { expandPlugins } from "./plugins.ts";
import type { ElfFile, ElfImage } from "./read.ts";
import { NotAProgram } from "./refusals.ts";
import { expandTokens, type Surroundings } from "./search.ts";
import type { RootView } from "./view.ts";

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
  const around: Surroundings = {
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
  const memory = new LoaderMemory(around);
  memory.addInterpreter(interpreter, file.interpreter !== undefined);
  for (const name of preloads(view, options)) memory.load(name, main, { rule: "preload", optional: true });
  for (const list of file.audit) {
    for (const name of list.split(":").filter((each) => each !== ""))
      memory.load(name, main, { rule: "audit", optional: true });
  }
  memory.settle();
  const plugins = (options.plugins ?? []).map((name) => expandTokens(name, main.origin, loader));
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
