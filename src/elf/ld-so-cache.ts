/** One line of `ldconfig -p`. */
export interface CacheEntry {
  readonly soname: string;
  /** As the cache has it; usually a name that leads through links. */
  readonly path: string;
  readonly flags: number;
  /** The directory below glibc-hwcaps it lies in, for processors that have it. */
  readonly hwcaps?: string;
}

const oldMagic = "ld.so-1.7.0\0";
const newMagic = "glibc-ld.so.cache1.1";
const headerSize = 48;
const entrySize = 24;
/** cache_extension_magic and the tag of the hwcaps names, from dl-cache.h. */
const extensionMagic = 0xeaa42174;
const hwcapsTag = 1;
/** Bit 62 of an entry's hwcap field says that its low half is an index into the hwcaps names. */
const hwcapsBit = 1 << 30;
/** Whole distributions have some thousands. */
const mostEntries = 200_000;

/**
 * The entries of an ld.so.cache (dl-cache.h of glibc 2.2 and later, whichever byte order it was written in), in its order, by
 * soname. An empty map for anything else: the loader, too, passes over a cache that it does not understand.
 */
export function readCache(bytes: Buffer): ReadonlyMap<string, readonly CacheEntry[]> {
  const entries = new Map<string, CacheEntry[]>();
  const start = newCacheStart(bytes);
  if (start === undefined) return entries;
  const cache = bytes.subarray(start);
  const big = (cache.readUInt8(28) & 3) === 3;
  const word = (at: number) => (big ? cache.readUInt32BE(at) : cache.readUInt32LE(at));
  const text = (at: number) => {
    const end = at < cache.length ? cache.indexOf(0, at) : -1;
    return end < 0 ? undefined : cache.toString("utf8", at, end);
  };
  const count = word(20);
  if (count > mostEntries || headerSize + count * entrySize > cache.length) return entries;
  const names = hwcapsNames(cache, word, text);
  for (let index = 0; index < count; index++) {
    const at = headerSize + index * entrySize;
    const soname = text(word(at + 4));
    const path = text(word(at + 8));
    const high = word(at + (big ? 16 : 20));
    if (soname === undefined || path === undefined || (high !== 0 && (high & hwcapsBit) === 0)) continue;
    const hwcaps = high === 0 ? undefined : names[word(at + (big ? 20 : 16))];
    if (high !== 0 && hwcaps === undefined) continue;
    const known = entries.get(soname) ?? [];
    known.push({ soname, path, flags: word(at), ...(hwcaps === undefined ? {} : { hwcaps }) });
    entries.set(soname, known);
  }
  return entries;
}

/** The new format stands alone or behind a table in the old one. */
function newCacheStart(bytes: Buffer): number | undefined {
  let start = 0;
  if (bytes.length >= 16 && bytes.toString("latin1", 0, oldMagic.length) === oldMagic) {
    start = Math.ceil((16 + bytes.readUInt32LE(12) * 12) / 8) * 8;
  }
  if (start + headerSize > bytes.length) return undefined;
  return bytes.toString("latin1", start, start + newMagic.length) === newMagic ? start : undefined;
}

function hwcapsNames(
  cache: Buffer,
  word: (at: number) => number,
  text: (at: number) => string | undefined,
): readonly (string | undefined)[] {
  const extension = word(32);
  if (extension === 0 || extension + 8 > cache.length || word(extension) !== extensionMagic) return [];
  for (let index = 0; index < word(extension + 4); index++) {
    const at = extension + 8 + index * 16;
    if (at + 16 > cache.length) return [];
    const offset = word(at + 8);
    const size = word(at + 12);
    if (word(at) !== hwcapsTag || offset + size > cache.length) continue;
    return Array.from({ length: Math.floor(size / 4) }, (_, each) => text(word(offset + each * 4)));
  }
  return [];
}
