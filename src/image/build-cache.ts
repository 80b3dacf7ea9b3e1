import { createHash } from "node:crypto";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeDirectories } from "../system/directories.ts";
import { ownName } from "../system/workdir.ts";
import type { StoredReferences } from "./assemble.ts";
import type { StoredImage } from "./buildah.ts";

/** Remembers which image a plan became, so that the same plan with the same packages need not be built again. */
export interface BuildCache<Image extends StoredReferences> {
  /** The image, if it is in the store under all its names and was built within `maxAge` milliseconds; undefined where it must be built. */
  recall(maxAge?: number): Promise<Image | undefined>;
  remember(image: Image): Promise<void>;
}

export interface BuildMemoryOptions<Image> {
  /** Everything that the image depends on; two equal ones mean the same image. */
  readonly inputs: unknown;
  /** A name that the image must have. */
  readonly latest: string;
  /** What was remembered, if it is one; a cache is read like any other file of unknown origin. */
  readonly read: (value: unknown) => Image | undefined;
  /** What the store has. */
  readonly stored: () => Promise<readonly StoredImage[]>;
}

/** Opens the memory in a directory of the cache. */
export function openBuildCache<Image extends StoredReferences>(
  directory: string,
  { inputs, latest, read, stored }: BuildMemoryOptions<Image>,
): BuildCache<Image> {
  const key = createHash("sha256").update(JSON.stringify(inputs)).digest("hex");
  const file = path.join(directory, key);
  return {
    async recall(maxAge = Number.POSITIVE_INFINITY) {
      const built = (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
      if (Date.now() - built >= maxAge) return undefined;
      const note = parse(await readFile(file, "utf8").catch(() => ""));
      const image = note?.inputs === key ? read(note.image) : undefined;
      if (image === undefined || !image.references.includes(latest)) return undefined;
      const same = (await stored()).find(({ id }) => id === image.id);
      return image.references.every((name) => same?.names.includes(name)) ? image : undefined;
    },
    async remember(image) {
      await makeDirectories(directory);
      const fresh = path.join(directory, ownName());
      await writeFile(fresh, JSON.stringify({ inputs: key, image }), { mode: 0o644 });
      await rename(fresh, file);
    },
  };
}

/** The file names what it is about, so that one that was exchanged for another is not taken. */
function parse(text: string): { readonly inputs?: unknown; readonly image?: unknown } | undefined {
  try {
    const note: unknown = JSON.parse(text);
    return typeof note === "object" && note !== null ? note : undefined;
  } catch {
    // Half-written by a full disk or damaged: as good as not there.
    return undefined;
  }
}
