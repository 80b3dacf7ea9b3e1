import type { CacheEntry } from "./cache.ts";
import type { Closure, ClosureFile } from "./closure.ts";
import type { FoundBy } from "./search.ts";

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
export function searchRule({ foundBy, searchedBy = foundBy }: ClosureFile): FoundBy {
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
