import path from "node:path";
import type { ElfImage } from "../elf/read.ts";
import { Failure } from "../system/errors.ts";

/** A DT_RPATH or DT_RUNPATH, and what $ORIGIN stands for in it. */
interface InheritedPath {
  readonly rule: "rpath" | "runpath";
  readonly list: string;
  readonly origin: string;
}

/** The most search paths that the libraries leading to one may have. Each has at most one, and most have none. */
const mostLent = 256;

/** A file as the loader has it in memory. */
export interface Loaded {
  readonly path: string;
  /** What $ORIGIN stands for in it: the directory of the name under which it was opened. */
  readonly origin: string;
  readonly image: ElfImage;
  /** Its own path, then those of the files it was first loaded for, up to the program. */
  readonly lent: readonly InheritedPath[];
}

/** `loadedBy` is whose request it was first loaded for; undefined for the program itself. Throws Failure for more than 256 search paths. */
export function asLoaded(file: string, openedAs: string, image: ElfImage, loadedBy: Loaded | undefined): Loaded {
  const origin = path.posix.dirname(openedAs);
  const { rpath, runpath } = image.file;
  const inherited = loadedBy?.lent ?? [];
  const list = runpath ?? rpath;
  if (list === undefined) return { path: file, origin, image, lent: inherited };
  const own: InheritedPath = { rule: runpath === undefined ? "rpath" : "runpath", list, origin };
  const before = inherited.filter((each) => each.rule !== own.rule || each.list !== list || each.origin !== origin);
  if (before.length > mostLent) {
    throw new Failure(
      `cannot resolve '${file}': the libraries that lead to it have more than ${mostLent} search paths`,
    );
  }
  return { path: file, origin, image, lent: [own, ...before] };
}
