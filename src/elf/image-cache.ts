import type { Closure } from "./closure.ts";
import type { RootView } from "./view.ts";
import { cacheEntries, searchRule, writeCache } from "./write-cache.ts";

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
