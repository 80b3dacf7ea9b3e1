import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { locate, openDirectoryRoot } from "../system/root.ts";

/** Put before a command, strace(1) writes what each of its processes does with files into a file of its own in the directory. */
export function straceWords(directory: string): readonly string[] {
  const calls = "trace=%file,%process";
  return ["strace", "-ff", "-qq", "--decode-pids=pidns", "-e", calls, "-o", path.join(directory, "process")];
}

/** What one process did since it became the program. */
export interface ProcessTrace {
  readonly found: readonly string[];
  readonly missing: readonly string[];
  /** Processes and threads that it made, by their number on the host. */
  readonly children: readonly number[];
}

/** Reads strace's record of one process; what came before it executed one of the programs is the runtime's own doing. */
export function parseTrace(text: string, programs: readonly string[]): ProcessTrace | undefined {
  const lines = text.split("\n");
  const start = lines.findIndex((line) =>
    programs.some((program) => line.startsWith(`execve(${JSON.stringify(program)},`)),
  );
  return start < 0 ? undefined : parseLines(lines.slice(start));
}

function parseLines(lines: readonly string[]): ProcessTrace {
  const calls = lines.flatMap((line) => {
    const [, name, args = "", result, error] = /^(\w+)\((.*)\)\s+= (-?\d+)(?: (E\w+))?/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, args, line, found: Number(result) >= 0, error }];
  });
  const places = calls.flatMap(({ name, args, found, error }) => {
    // What is made or taken away was not looked for.
    if (/^(?:rename|unlink|mkdir|link|symlink|chdir|mount)/.test(name)) return [];
    const place = /^(?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)"/.exec(args)?.[1];
    return place === undefined ? [] : [{ place: path.posix.resolve("/", place), found, error }];
  });
  return {
    found: places.flatMap((each) => (each.found ? [each.place] : [])),
    missing: places.flatMap((each) => (each.error === "ENOENT" ? [each.place] : [])),
    children: calls.flatMap(({ name, line }) => {
      const child = /^(?:clone3?|v?fork)$/.test(name)
        ? / = \d+(?: \/\* (\d+) in strace's PID NS \*\/)?$/.exec(line)?.[1]
        : undefined;
      return child === undefined ? [] : [Number(child)];
    }),
  };
}

/** What the programs of an image looked for. */
export interface Lookups {
  /** Files that are in the image or were mounted. */
  readonly found: readonly string[];
  /** Files that are not there; neither the steps of a search that ended well elsewhere nor what the kernel provides. */
  readonly missing: readonly string[];
}

/** Reads everything that strace has left in a directory: the programs' processes, and those that they made. */
export async function readLookups(directory: string, programs: readonly string[]): Promise<Lookups> {
  const texts = new Map<number, string>();
  for (const name of await readdir(directory)) {
    texts.set(Number(name.slice(name.lastIndexOf(".") + 1)), await readFile(path.join(directory, name), "utf8"));
  }
  const traces = new Map<number, ProcessTrace>();
  for (const [pid, text] of texts) {
    const trace = parseTrace(text, programs);
    if (trace !== undefined) traces.set(pid, trace);
  }
  // A thread never executes anything: it belongs to whoever made it.
  for (const { children } of traces.values()) {
    for (const child of children) {
      if (!traces.has(child)) traces.set(child, parseLines(texts.get(child)?.split("\n") ?? []));
    }
  }
  return lookupsOf([...traces.values()]);
}

export function lookupsOf(traces: readonly ProcessTrace[]): Lookups {
  const found = new Set(traces.flatMap((trace) => trace.found));
  const names = new Set([...found].map((place) => path.posix.basename(place)));
  const missing = [...new Set(traces.flatMap((trace) => trace.missing))].filter((place) => !found.has(place));
  const lacking = missing.filter(
    (place) =>
      !/^\/(?:proc|sys|dev)(?:\/|$)/.test(place) &&
      !names.has(path.posix.basename(place)) &&
      !missing.some((other) => other.startsWith(`${place}/`)),
  );
  return { found: [...found].sort(), missing: lacking.sort() };
}

/** The image's own paths among those that were found, with every link on the way. `model` is where the image is mounted. */
export function openedOf(model: string, found: readonly string[]): ReadonlySet<string> {
  const root = openDirectoryRoot(model);
  return new Set(
    found.flatMap((place) => {
      const located = locate(root, place);
      return located === undefined ? [] : [located.path, ...located.links.map((link) => link.path)];
    }),
  );
}
