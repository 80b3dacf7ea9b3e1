import type { Priority } from "../elf/notes.ts";
import type { Link } from "../system/root.ts";
import type { FoundBy } from "./search.ts";

/** One file that the loader would open. */
export interface ClosureFile {
  /** Canonical: absolute inside the root, no link in it. */
  readonly path: string;
  readonly soname?: string;
  /** Canonical paths of everything that asks for it. */
  readonly requiredBy: readonly string[];
  readonly foundBy: FoundBy;
  /** How the search finds it, where `foundBy` says who asks: preloaded, opened later, a script's interpreter. */
  readonly searchedBy?: FoundBy;
  /** Every symlink on the ways the loader goes to it, directories' included. */
  readonly links: readonly Link[];
}

/** A file that is asked for and that no rule finds. */
export interface MissingFile {
  /** A soname, or an absolute path: an interpreter, a name with a slash. */
  readonly soname: string;
  readonly requiredBy: readonly string[];
  /** Why a file that is there does not do. */
  readonly because?: string;
  /** Only scripts in a directory that is included ask for it: the image can be built without it. */
  readonly optional?: boolean;
}

/** A library that a file opens by itself, and what was decided about it. */
export interface DlopenDecision {
  readonly requester: string;
  readonly sonames: readonly string[];
  readonly feature?: string;
  readonly priority: Priority;
  /** `out` by the policy; `found` and `absent` were wanted. */
  readonly outcome: "found" | "absent" | "out";
  /** Canonical path of what answered. */
  readonly path?: string;
}

/** What the loader would load for one program or library. */
export interface Closure {
  /** Canonical path. */
  readonly binary: string;
  readonly kind: "dynamic" | "static" | "script";
  /** PT_INTERP, or the interpreter of a script, as written. */
  readonly interpreter?: string;
  /** What $LIB stands for in its loader. */
  readonly lib?: string;
  /** Every symlink on the way to the binary itself. */
  readonly links: readonly Link[];
  readonly files: readonly ClosureFile[];
  readonly missing: readonly MissingFile[];
  readonly dlopen: readonly DlopenDecision[];
  /** Sentences about what the loader would only complain about. */
  readonly warnings: readonly string[];
}

export interface ClosureOptions {
  /** The directory the program starts in, for empty and relative elements; "/" where not given. */
  readonly workingDirectory?: string;
  /** LD_LIBRARY_PATH of the program's environment. */
  readonly libraryPath?: string;
  /** LD_PRELOAD of the program's environment. */
  readonly preload?: string;
  /** Instead of the root's /etc/ld.so.preload. */
  readonly preloadFile?: string;
  /** PATH of the program's environment, for scripts that are started through env. */
  readonly searchPath?: string;
  /** Whether to take what a dlopen note asks for; required and recommended ones where not given. */
  readonly wantsDlopen?: (feature: string | undefined, priority: Priority, requester: string) => boolean;
  /** Directories that a complete system's ld.so.cache would cover; searched when everything else has failed. */
  readonly cachedDirectories?: readonly string[];
  /** Names, absolute paths, or directories full of what the program opens with dlopen, though no note says so. */
  readonly plugins?: readonly string[];
  /** Take in libgcc_s for programs that cancel or end threads or ask for a backtrace, because glibc opens it by itself. */
  readonly threadUnwinder?: boolean;
  /**
   * The text of the image's /etc/nsswitch.conf, "" if it has none: take in the libraries of name services that the closure's own C
   * library does not have inside.
   */
  readonly nsswitch?: string;
}
