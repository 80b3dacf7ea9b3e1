import path from "node:path";
import { ElfError } from "../elf/errors.ts";
import { type CacheEntry, readCache } from "../elf/ld-so-cache.ts";
import { linkerInput, linkerInputLimit } from "../elf/linker-input.ts";
import { type ElfFile, type ElfImage, readElf } from "../elf/read.ts";
import { systemCause, systemErrorCode } from "../system/errors.ts";
import { type Link, type Located, locate, type Root } from "../system/root.ts";
import { describeLoader, type Loader } from "./dialect.ts";

/** A directory of the root under its canonical path, with the links on the way to it. */
export interface Directory {
  readonly path: string;
  readonly links: readonly Link[];
  readonly names: ReadonlySet<string>;
}

/** An ELF file that was read, or the sentence why it is none. */
export type Examined = { readonly image: ElfImage } | { readonly broken: string };

/**
 * A root as the loader sees it. Everything looked at is kept, so that each file is read once however many programs need it.
 * A root that grows needs `forgetPlaces`.
 */
export interface RootView {
  readonly root: Root;
  locate(wanted: string): Located | undefined;
  /** undefined where there is no such directory. */
  directory(wanted: string): Directory | undefined;
  /** A name in a directory; undefined where there is none or it dangles. */
  fileIn(directory: Directory, name: string): Located | undefined;
  /** `file` is canonical. */
  examine(file: Located): Examined;
  /** The whole text of a small file; undefined where there is none. */
  text(wanted: string): string | undefined;
  /** The loader that `interpreter` names, for a file of this ABI. */
  loader(file: ElfFile, interpreter: string): Loader;
  /** The entries of /etc/ld.so.cache by soname. */
  cache(): ReadonlyMap<string, readonly CacheEntry[]>;
  /** What was found for a name by searches that depend on `key` alone. */
  remember<T>(key: string, name: string, find: () => T): T;
  /** Drops what was learnt about names and places, keeps what files contain. */
  forgetPlaces(): void;
}

const mostLoaderBytes = 16 * 1024 * 1024;
const mostTextBytes = 1024 * 1024;
const mostCacheBytes = 16 * 1024 * 1024;

export function viewRoot(root: Root): RootView {
  const examined = new Map<string, Examined>();
  const loaders = new Map<string, Loader>();
  const located = new Map<string, Located | undefined>();
  const directories = new Map<string, Directory | undefined>();
  const found = new Map<string, Map<string, unknown>>();
  let cache: ReadonlyMap<string, readonly CacheEntry[]> | undefined;

  const view: RootView = {
    root,
    locate: (wanted) => remembered(located, wanted, () => locateBeside(root, wanted, located)),
    directory: (wanted) =>
      remembered(directories, wanted, () => {
        const place = view.locate(wanted);
        if (place?.entry.kind !== "directory") return undefined;
        return { path: place.path, links: place.links, names: new Set(root.names(place.path)) };
      }),
    fileIn(directory, name) {
      if (!directory.names.has(name)) return undefined;
      const place = view.locate(path.posix.join(directory.path, name));
      return place === undefined ? undefined : { ...place, links: [...directory.links, ...place.links] };
    },
    examine: (file) => remembered(examined, file.path, () => examine(root, file)),
    text(wanted) {
      const bytes = whole(root, view.locate(wanted), mostTextBytes);
      return bytes?.toString("utf8");
    },
    loader: (file, interpreter) =>
      remembered(loaders, `${file.machine} ${file.class} ${file.endianness} ${interpreter}`, () =>
        describe(view, file, interpreter),
      ),
    cache() {
      cache ??= readCache(whole(root, view.locate("/etc/ld.so.cache"), mostCacheBytes) ?? Buffer.alloc(0));
      return cache;
    },
    remember<T>(key: string, name: string, find: () => T): T {
      return remembered(remembered(found, key, () => new Map<string, unknown>()) as Map<string, T>, name, find);
    },
    forgetPlaces() {
      for (const map of [loaders, located, directories, found]) map.clear();
      cache = undefined;
    },
  };
  return view;
}

/** As `locate`, but goes the way to the directory once for all names in it. */
function locateBeside(root: Root, wanted: string, located: Map<string, Located | undefined>): Located | undefined {
  const cut = wanted.lastIndexOf("/");
  const name = wanted.slice(cut + 1);
  if (cut <= 0 || name === "" || name === "." || name === "..") return locate(root, wanted);
  const way = wanted.slice(0, cut);
  const directory = remembered(located, way, () => locate(root, way));
  if (directory?.entry.kind !== "directory") return undefined;
  const file = directory.path === "/" ? `/${name}` : `${directory.path}/${name}`;
  const entry = root.entry(file);
  if (entry === undefined) return undefined;
  return entry.kind === "symlink" ? locate(root, wanted) : { path: file, entry, links: directory.links };
}

function examine(root: Root, { path: file, entry }: Located): Examined {
  if (entry.kind !== "file") return { broken: "not a regular file" };
  try {
    const image = readElf((position, length) => root.read(file, position, length), entry.size);
    image.bytes.release();
    return { image };
  } catch (error) {
    if (!(error instanceof ElfError)) return { broken: unreadable(error) };
    const isWhat = linkerInput(root.read(file, 0, linkerInputLimit));
    return { broken: isWhat === undefined ? error.message : `it is ${isWhat}` };
  }
}

function describe(view: RootView, file: ElfFile, interpreter: string): Loader {
  // Packages of a merged system carry the loader below /usr only; the links at the top are another package's.
  const place = view.locate(interpreter) ?? view.locate(`/usr${interpreter}`);
  const loader = describeLoader(file, interpreter, whole(view.root, place, mostLoaderBytes));
  const list = loader.pathFile === undefined ? undefined : view.text(loader.pathFile);
  if (list === undefined) return loader;
  return { ...loader, directories: list.split(/[\n:]/).filter((directory) => directory !== "") };
}

function whole(root: Root, place: Located | undefined, most: number): Buffer | undefined {
  if (place?.entry.kind !== "file" || place.entry.size > most) return undefined;
  try {
    return Buffer.from(root.read(place.path, 0, place.entry.size));
  } catch (error) {
    unreadable(error);
    return undefined;
  }
}

/** Why the system does not let a file be read; anything else is thrown on. */
export function unreadable(error: unknown): string {
  const code = systemErrorCode(error);
  if (code === undefined) throw error;
  return `it cannot be read: ${systemCause(error)}`;
}

function remembered<Key, Value>(map: Map<Key, Value>, key: Key, find: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined || map.has(key)) return known as Value;
  const value = find();
  map.set(key, value);
  return value;
}
