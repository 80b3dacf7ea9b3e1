import { ElfError } from "../elf/errors.ts";
import type { ElfImage } from "../elf/read.ts";
import { definedVersions, neededVersions, type Symbols, symbolsOf } from "../elf/symbols.ts";
import type { Closure } from "../loader/closure.ts";
import type { RootView } from "../loader/root-view.ts";

/** Something the closure's files want from each other and do not get. */
export interface Finding {
  readonly severity: "error" | "warning";
  /** Canonical path of the file that wants it. */
  readonly file: string;
  /** A version (`GLIBC_2.38`) or a symbol with its version (`regcomp@GLIBC_2.2.5`). */
  readonly wanted: string;
  readonly sentence: string;
}

interface Member {
  readonly path: string;
  readonly image: ElfImage;
}

/**
 * Every symbol version that a file of the closure needs is defined by the library it names, as the loader checks at start; weak
 * needs, and libraries without versions, are warnings. Nothing is run, so any architecture can be checked.
 */
export function checkVersions(view: RootView, closure: Closure): readonly Finding[] {
  const members = membersOf(view, closure);
  const definers = new Map<string, ReadonlySet<string> | undefined>();
  for (const { path, image } of members) {
    const versions = guarded(path, () => definedVersions(image));
    const names = versions.length === 0 ? undefined : new Set(versions.map((each) => each.version));
    definers.set(image.file.soname ?? path.slice(path.lastIndexOf("/") + 1), names);
  }
  return members.flatMap(({ path, image }) =>
    guarded(path, () => neededVersions(image)).flatMap(({ library, version, weak }): readonly Finding[] => {
      if (!definers.has(library)) return [];
      const defined = definers.get(library);
      if (defined?.has(version)) return [];
      const reason = defined === undefined ? `${library} has no versions` : `${library} does not define it`;
      const severity = weak || defined === undefined ? "warning" : "error";
      return [
        {
          severity,
          file: path,
          wanted: version,
          sentence: `${path} needs version ${version} of ${library}: ${reason}`,
        },
      ];
    }),
  );
}

/** Every strong undefined symbol is defined by some file of the closure, as `ld.so` would find out when binding eagerly. */
export function checkSymbols(view: RootView, closure: Closure): readonly Finding[] {
  const members = membersOf(view, closure);
  const all = members.map(({ image, path }) => guarded(path, () => symbolsOf(image)));
  const defined = definedSymbols(all.map(({ exports }) => exports));
  const isDefined = (name: string, version: string | undefined) => {
    const versions = defined.get(name);
    return versions !== undefined && (version === undefined || versions.has(version) || versions.has(""));
  };
  const known = new Map<string, boolean>();
  return members.flatMap(({ path }, index) =>
    (all[index]?.imports ?? []).flatMap(({ name, version, weak }): readonly Finding[] => {
      if (weak) return [];
      const wanted = version === undefined ? name : `${name}@${version}`;
      const found = known.get(wanted) ?? isDefined(name, version);
      known.set(wanted, found);
      if (found) return [];
      return [
        {
          severity: "error",
          file: path,
          wanted,
          sentence: `${path} uses ${wanted}, which no file of its closure defines`,
        },
      ];
    }),
  );
}

/** In which versions any of the files defines a symbol, by its name. */
function definedSymbols(exports: readonly Symbols["exports"][]): Symbols["exports"] {
  const merged = new Map<string, ReadonlySet<string>>();
  const grown = new Map<string, Set<string>>();
  for (const each of exports) {
    for (const [name, versions] of each) {
      const known = merged.get(name);
      if (known === undefined) {
        merged.set(name, versions);
        continue;
      }
      // A file's own set is not this function's to change.
      const own = grown.get(name) ?? new Set(known);
      for (const version of versions) own.add(version);
      grown.set(name, own);
      merged.set(name, own);
    }
  }
  return merged;
}

/** The names of all symbols that the closure's files import, each once. */
export function importsOf(view: RootView, closure: Closure): ReadonlySet<string> {
  const imports = membersOf(view, closure).flatMap(({ path, image }) => guarded(path, () => symbolsOf(image)).imports);
  return new Set(imports.map((each) => each.name));
}

function membersOf(view: RootView, closure: Closure): readonly Member[] {
  const plain = closure.files.filter((file) => !file.foundBy.endsWith("hwcaps"));
  return [closure.binary, ...plain.map((file) => file.path)].flatMap((path) => {
    const place = view.locate(path);
    const examined = place === undefined ? undefined : view.examine(place);
    return examined === undefined || "broken" in examined ? [] : [{ path, image: examined.image }];
  });
}

function guarded<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ElfError) throw new ElfError(`cannot check '${path}': ${error.message}`, { cause: error });
    throw error;
  }
}
