import { NotAProgram } from "../elf/errors.ts";
import { linkerInput, linkerInputLimit } from "../elf/linker-input.ts";
import { looksLikeElf } from "../elf/read.ts";
import { parseShebang, programOfEnv, type Shebang, shebangLimit } from "../elf/shebang.ts";
import { type Located, unionOfLinks } from "../system/root.ts";
import type { Closure, ClosureFile, ClosureOptions, MissingFile } from "./closure.ts";
import { loadProgram } from "./load.ts";
import { type RootView, unreadable } from "./root-view.ts";

/** A file that a recipe gives. */
export interface ScriptText {
  readonly path: string;
  readonly content: string;
}

/** PATH of a container that does not set it, as podman and docker do. */
const defaultSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The kernel goes no deeper from a script to an interpreter that is a script. */
const mostScripts = 5;

/**
 * What the loader of the root would load for a program, a library or a script, without executing anything. `binary` is an
 * absolute path inside the root and may lead through links. Throws NotAProgram where it is not there or is not a program; what it
 * needs and does not get is in `missing`.
 */
export function resolveClosure(view: RootView, binary: string, options: ClosureOptions = {}): Closure {
  const place = view.locate(binary);
  if (place === undefined) throw new NotAProgram(binary, "there is no such file");
  return resolvePlace(view, place, binary, options, 0);
}

function resolvePlace(view: RootView, place: Located, binary: string, options: ClosureOptions, depth: number): Closure {
  if (place.entry.kind !== "file")
    throw new NotAProgram(binary, `it is a ${place.entry.kind === "other" ? "device" : place.entry.kind}`);
  const examined = view.examine(place);
  if ("image" in examined) return loadProgram(view, place, binary, examined.image, options);
  const start = startOf(view, place, binary);
  if (looksLikeElf(start)) throw new NotAProgram(binary, examined.broken);
  const shebang = parseShebang(start);
  if (shebang === undefined) {
    const isWhat = linkerInput(view.root.read(place.path, 0, linkerInputLimit));
    throw new NotAProgram(binary, `it is ${isWhat ?? "neither an ELF file nor a script"}`);
  }
  if (depth >= mostScripts) throw new NotAProgram(binary, "scripts are interpreted by scripts too many times");
  return { links: place.links, ...interpretersOf(view, place.path, shebang, options, depth) };
}

/** The closure of a script that is not in the root, at an absolute path. undefined for a file that begins otherwise than `#!`. */
export function resolveScript(
  view: RootView,
  { path, content }: ScriptText,
  options: ClosureOptions = {},
): Closure | undefined {
  const shebang = parseShebang(Buffer.from(content));
  return shebang === undefined ? undefined : { links: [], ...interpretersOf(view, path, shebang, options, 0) };
}

function interpretersOf(
  view: RootView,
  script: string,
  shebang: Shebang,
  options: ClosureOptions,
  depth: number,
): Omit<Closure, "links"> {
  const program = programOfEnv(shebang);
  const parts = [interpreted(view, script, shebang.interpreter, options, depth)];
  if (program !== undefined)
    parts.push(interpreted(view, script, inSearchPath(view, program, options), options, depth));
  return { binary: script, kind: "script", interpreter: shebang.interpreter, ...mergeClosures(parts) };
}

function startOf(view: RootView, place: Located, binary: string): Uint8Array {
  try {
    return view.root.read(place.path, 0, shebangLimit);
  } catch (error) {
    throw new NotAProgram(binary, unreadable(error));
  }
}

type Part = Pick<Closure, "files" | "missing" | "dlopen" | "warnings">;

/** An interpreter and its own closure, as a part of a script's. */
function interpreted(
  view: RootView,
  script: string,
  interpreter: string,
  options: ClosureOptions,
  depth: number,
): Part {
  const nothing = { files: [], dlopen: [], warnings: [] };
  const place = interpreter.includes("/") ? view.locate(absolute(interpreter, options)) : undefined;
  if (place === undefined) return { ...nothing, missing: [{ soname: interpreter, requiredBy: [script] }] };
  try {
    const closure = resolvePlace(view, place, interpreter, options, depth + 1);
    const itself: ClosureFile = { path: place.path, requiredBy: [script], foundBy: "script", links: place.links };
    return { ...closure, files: [itself, ...closure.files.filter((file) => file.path !== place.path)] };
  } catch (error) {
    if (!(error instanceof NotAProgram)) throw error;
    return { ...nothing, missing: [{ soname: interpreter, requiredBy: [script], because: error.because }] };
  }
}

function inSearchPath(view: RootView, program: string, options: ClosureOptions): string {
  if (program.includes("/")) return program;
  const candidates = (options.searchPath ?? defaultSearchPath).split(":").map((directory) => `${directory}/${program}`);
  return candidates.find((candidate) => (view.locate(candidate)?.entry.mode ?? 0) & 0o111) ?? program;
}

function absolute(path: string, { workingDirectory = "/" }: ClosureOptions): string {
  return path.startsWith("/") ? path : `${workingDirectory}/${path}`;
}

/** One list of files for several programs: each file once, with all who require it, found as it was found first. */
function mergeClosures(parts: readonly Part[]): Part {
  const files = new Map<string, ClosureFile>();
  const missing = new Map<string, MissingFile>();
  for (const file of parts.flatMap((part) => part.files)) {
    const known = files.get(file.path);
    files.set(file.path, known === undefined ? file : mergeFiles(known, file));
  }
  for (const each of parts.flatMap((part) => part.missing)) {
    const known = missing.get(each.soname);
    const requiredBy = [...new Set([...(known?.requiredBy ?? []), ...each.requiredBy])];
    missing.set(each.soname, { ...each, ...known, requiredBy });
  }
  return {
    files: [...files.values()],
    missing: [...missing.values()],
    dlopen: parts.flatMap((part) => part.dlopen),
    warnings: [...new Set(parts.flatMap((part) => part.warnings))],
  };
}

function mergeFiles(first: ClosureFile, second: ClosureFile): ClosureFile {
  return {
    ...first,
    requiredBy: [...new Set([...first.requiredBy, ...second.requiredBy])],
    links: unionOfLinks(first.links, second.links),
  };
}
