import path from "node:path";
import type { CacheEntry } from "../elf/ld-so-cache.ts";
import type { ElfFile } from "../elf/read.ts";
import type { Closure, ClosureFile, MissingFile } from "../loader/closure.ts";
import { usualInterpreters } from "../loader/dialect.ts";
import type { RootView } from "../loader/root-view.ts";
import { distinctDirectories, type FoundBy, judge } from "../loader/search.ts";
import { Failure } from "../system/errors.ts";
import { matchingPaths } from "../system/glob.ts";
import { locate, type Root, type RootEntry } from "../system/root.ts";

/**
 * The directories that /etc/ld.so.conf and the files it includes name, in order. The loader never reads it: it is what ldconfig(8) would
 * search for a cache, where a root is made of packages and has none yet. Throws Failure for more than 1024.
 */
export function confDirectories(view: RootView): readonly string[] {
  const directories = [...new Set(readConf(view, main, new Set()))];
  if (directories.length <= mostDirectories) return directories;
  throw new Failure(`cannot use ${main}: it names more than ${mostDirectories} directories`);
}

const main = "/etc/ld.so.conf";
/** Each library is looked for in each of them. The files of a Debian 12 with compilers and CUDA name six. */
const mostDirectories = 1024;
/** What every distribution's file says; the package that has it is not taken in for that alone. */
const usual = "include /etc/ld.so.conf.d/*.conf";

function readConf(view: RootView, file: string, read: Set<string>): readonly string[] {
  if (read.has(file)) return [];
  read.add(file);
  const lines = (view.text(file) ?? (file === main ? usual : ""))
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim());
  return lines.flatMap((line) => {
    const included = /^include\s+(.*)$/.exec(line)?.[1];
    if (included !== undefined) {
      const files = included
        .split(/\s+/)
        .flatMap((pattern) => matchingPaths(view.root, path.posix.resolve(path.posix.dirname(file), pattern)));
      return files.flatMap((each) => readConf(view, each, read));
    }
    // `hwcap N name` is of no effect in any glibc of this century.
    if (line.startsWith("hwcap")) return [];
    return line
      .split(/[\s,:]+/)
      .filter((each) => each.startsWith("/"))
      .map((each) => each.replace(/(?<=.)\/+$/, ""));
  });
}

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

/** An ld.so.cache for an image, and the files that its loader would not find without. */
export interface ImageCache {
  readonly bytes: Uint8Array;
  /** Canonical paths. */
  readonly files: readonly string[];
}

/** undefined where every needed library lies in the loader's default directories, and where the loader reads no cache. */
export function cacheForImage(view: RootView, closures: readonly Closure[]): ImageCache | undefined {
  const files = closures.flatMap((closure) => closure.files.filter((file) => searchRule(file) === "cache"));
  if (files.length === 0) return undefined;
  for (const { binary, interpreter } of closures) {
    const place = view.locate(binary);
    const examined = place === undefined ? undefined : view.examine(place);
    if (interpreter === undefined || examined === undefined || "broken" in examined) continue;
    const { file } = examined.image;
    const { cacheFlags } = view.loader(file, interpreter);
    if (cacheFlags === undefined) continue;
    const bytes = writeCache(cacheEntries(closures, cacheFlags), file.endianness);
    return { bytes, files: [...new Set(files.map(({ path }) => path))].toSorted() };
  }
  return undefined;
}

const magic = "glibc-ld.so.cache1.1";
const headerSize = 48;
const entrySize = 24;
/** The low bits of the flags byte in the header: the byte order is known, and which it is. */
const byteOrder = { little: 2, big: 3 } as const;

/**
 * An ld.so.cache as ldconfig(8) writes it (dl-cache.h, without the old format in front and without hwcaps), byte for byte the same for
 * the same entries. `flags` of the entries say for which ABI they are.
 */
export function writeCache(entries: readonly CacheEntry[], endianness: "little" | "big" = "little"): Buffer {
  const sorted = entries.toSorted(
    (one, other) => compareNames(other.soname, one.soname) || (one.path < other.path ? -1 : 1),
  );
  const strings: Buffer[] = [];
  const places = new Map<string, number>();
  let end = headerSize + sorted.length * entrySize;
  const place = (text: string): number => {
    const known = places.get(text);
    if (known !== undefined) return known;
    const bytes = Buffer.from(`${text}\0`);
    strings.push(bytes);
    places.set(text, end);
    end += bytes.length;
    return end - bytes.length;
  };
  const head = Buffer.alloc(headerSize + sorted.length * entrySize);
  const put = (value: number, at: number) =>
    endianness === "little" ? head.writeUInt32LE(value, at) : head.writeUInt32BE(value, at);
  head.write(magic, "latin1");
  for (const [index, entry] of sorted.entries()) {
    const at = headerSize + index * entrySize;
    put(entry.flags, at);
    put(place(entry.soname), at + 4);
    put(place(entry.path), at + 8);
  }
  put(sorted.length, 20);
  put(end - headerSize - sorted.length * entrySize, 24);
  head.writeUInt8(byteOrder[endianness], 28);
  return Buffer.concat([head, ...strings]);
}

/**
 * The entries an image needs so that its loader finds, among exactly these files, what it would not find in its default directories.
 * Empty where nothing lies outside of them: then no cache is needed. `flags` are those of the image's ABI (Loader.cacheFlags).
 */
export function cacheEntries(closures: readonly Closure[], flags: number): readonly CacheEntry[] {
  const files = closures.flatMap((closure) => closure.files);
  if (!files.some((file) => searchRule(file) === "cache")) return [];
  const searched = files.filter((file) => ["cache", "default"].includes(searchRule(file)));
  const entries = searched.map(({ soname, path }) => ({
    soname: soname ?? path.slice(path.lastIndexOf("/") + 1),
    path,
    flags,
  }));
  return [...new Map(entries.map((entry) => [entry.soname, entry])).values()];
}

/** The rule of the search alone, whoever asks. */
function searchRule({ foundBy, searchedBy = foundBy }: ClosureFile): FoundBy {
  return searchedBy;
}

/** _dl_cache_libcmp of glibc, in whose order the loader expects the entries: numbers inside names count as numbers. */
export function compareNames(one: string, other: string): number {
  const parts = (name: string) => name.match(/\d+|\D/g) ?? [];
  const [first, second] = [parts(one), parts(other)];
  for (const [index, part] of first.entries()) {
    const against = second[index];
    if (against === undefined) return 1;
    const [digits, otherDigits] = [/^\d/.test(part), /^\d/.test(against)];
    if (digits !== otherDigits) return digits ? 1 : -1;
    if (digits && Number(part) !== Number(against)) return Number(part) - Number(against);
    if (!digits && part !== against) return part < against ? -1 : 1;
  }
  return first.length < second.length ? -1 : 0;
}
