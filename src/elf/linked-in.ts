import type { Read } from "./bytes.ts";
import { ElfError } from "./errors.ts";
import { readGoBuild } from "./go-build.ts";
import { readHeader, readSegments, sectionNamed } from "./header.ts";
import { looksLikeElf, readElf } from "./read.ts";
import { readRustCrates } from "./rust-crates.ts";

/** A piece of software that was linked into a native file, as the file itself declares it. */
export interface LinkedModule {
  readonly language: "go" | "rust";
  readonly name: string;
  readonly version: string | undefined;
  /** As go.sum has it: `h1:...`. */
  readonly sum?: string;
  /** Where a name and a version stand for one thing: not for what a working directory or a repository of somebody's own had. */
  readonly published: boolean;
}

/** What a native file declares about what was linked into it. */
export interface LinkedIn {
  /** Sorted by name, each once. */
  readonly modules: readonly LinkedModule[];
  /** Nothing else can be in it. Never so for C and C++, whose compilers leave no list. */
  readonly whole: boolean;
}

/**
 * What was linked into a file, by the lists of Go's and Rust's compilers; undefined where it is no ELF file. A list is whole where the compiler wrote all of
 * it, and no C library can have come along: a static program has one, unless Go built it without cgo. What is damaged declares nothing.
 */
export function readLinkedIn(read: Read, size: number): LinkedIn | undefined {
  if (size < 4 || !looksLikeElf(read(0, 4))) return undefined;
  try {
    return declaredIn(read, size);
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    return { modules: [], whole: false };
  }
}

function declaredIn(read: Read, size: number): LinkedIn {
  const { file, bytes, encoding } = readElf(read, size);
  const { header } = readHeader(bytes);
  const segments = readSegments(bytes, header, encoding);
  const section = (name: string) => sectionNamed(name, bytes, header, encoding);
  const isStatic = file.needed.length === 0;
  const crates = section(".dep-v0");
  const rust = crates === undefined ? undefined : readRustCrates(crates, bytes);
  if (rust !== undefined) {
    const modules = rust.map(
      ({ name, version, source }): LinkedModule => ({
        language: "rust",
        name,
        version,
        published: source === "crates.io",
      }),
    );
    return { modules: distinct(modules), whole: !isStatic && modules.length > 0 };
  }
  const go = readGoBuild({ bytes, encoding, segments, section });
  if (go === undefined) return { modules: [], whole: false };
  const modules = (go.modules ?? []).map(
    ({ path, version, sum }): LinkedModule => ({
      language: "go",
      name: path,
      version,
      published: version !== undefined,
      ...(sum === undefined ? {} : { sum }),
    }),
  );
  const library: LinkedModule = {
    language: "go",
    name: "stdlib",
    version: go.goVersion.replace(/^go/, ""),
    published: true,
  };
  const isWithoutC = go.settings.get("CGO_ENABLED") === "0";
  return { modules: distinct([library, ...modules]), whole: go.modules !== undefined && (isWithoutC || !isStatic) };
}

function distinct(modules: readonly LinkedModule[]): readonly LinkedModule[] {
  const byName = new Map(modules.map((each) => [`${each.name}\n${each.version ?? ""}`, each]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
