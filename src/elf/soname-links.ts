import path from "node:path";
import { locate, type Root, type RootEntry } from "../system/root.ts";
import type { MissingFile } from "./closure.ts";
import { distinctDirectories } from "./distinct-directories.ts";
import { judge } from "./judge.ts";
import { usualInterpreters } from "./loader.ts";
import type { ElfFile } from "./read.ts";
import type { RootView } from "./view.ts";

/**
 * A root with the links that no package has because ldconfig(8) makes them when packages are installed: in a directory that the loader
 * searches by itself, from a library's soname to the library. Only those that are asked for are made.
 */
export class SonameLinks implements Root {
  readonly #root: Root;
  readonly #links = new Map<string, string>();

  constructor(root: Root) {
    this.#root = root;
  }

  entry(place: string): RootEntry | undefined {
    const target = this.#links.get(place);
    return (
      this.#root.entry(place) ?? (target === undefined ? undefined : { kind: "symlink", size: 0, mode: 0o777, target })
    );
  }

  read(place: string, position: number, length: number): Uint8Array {
    return this.#root.read(place, position, length);
  }

  names(directory: string): readonly string[] {
    const made = [...this.#links.keys()].filter((link) => path.posix.dirname(link) === directory);
    return [...new Set([...this.#root.names(directory), ...made.map((link) => path.posix.basename(link))])];
  }

  /** Makes the links for missing sonames whose libraries are there; whether there were any. `cachedDirectories` are those of ld.so.conf. */
  make(missing: readonly MissingFile[], cachedDirectories: readonly string[], view: RootView): boolean {
    const before = this.#links.size;
    const known = new Map<string, ReadonlyMap<string, string>>();
    for (const { soname, requiredBy } of missing) {
      const like = soname.includes("/") ? undefined : fileAt(requiredBy[0] ?? "", view);
      if (like === undefined) continue;
      const loader = view.loader(like, usualInterpreters(like)[0] ?? "");
      for (const directory of distinctDirectories([...loader.directories, ...cachedDirectories], view)) {
        const place = view.directory(directory)?.path ?? directory;
        if (this.entry(`${place}/${soname}`) !== undefined) continue;
        const key = `${like.machine} ${like.class} ${like.endianness} ${place}`;
        const libraries = known.get(key) ?? this.#librariesIn(place, like, view);
        known.set(key, libraries);
        const library = libraries.get(soname);
        if (library !== undefined) this.#links.set(`${place}/${soname}`, library);
      }
    }
    return this.#links.size > before;
  }

  /** The libraries directly in a directory that fit the file, by soname; of several with one soname, as ldconfig, the highest version. */
  #librariesIn(directory: string, like: ElfFile, view: RootView): ReadonlyMap<string, string> {
    const libraries = new Map<string, string>();
    for (const name of this.#root.names(directory).filter((each) => /^(?:lib|ld-).*\.so/.test(each))) {
      const place = locate(this.#root, `${directory}/${name}`);
      const verdict = place?.entry.kind === "file" ? judge(view, place, like) : undefined;
      const soname = verdict !== undefined && "image" in verdict ? verdict.image.file.soname : undefined;
      if (soname === undefined) continue;
      const known = libraries.get(soname);
      if (known === undefined || compareVersions(known, name) < 0) libraries.set(soname, name);
    }
    return libraries;
  }
}

function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

function fileAt(path: string, view: RootView): ElfFile | undefined {
  const place = view.locate(path);
  const examined = place === undefined ? undefined : view.examine(place);
  return examined === undefined || "broken" in examined ? undefined : examined.image.file;
}
