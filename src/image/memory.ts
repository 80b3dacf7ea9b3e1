import { createHash } from "node:crypto";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeDirectories } from "../system/directories.ts";
import { ownName } from "../system/workdir.ts";
import type { StoredReferences } from "./assemble.ts";
import type { StoredImage } from "./buildah.ts";

/** Remembers which image a plan became, so that the same plan with the same packages need not be built again. */
export interface BuildMemory<Image extends StoredReferences> {
  /** The image, if it is in the store under all its names and was built within `maxAge` milliseconds; undefined where it must be built. */
  recall(maxAge?: number): Promise<Image | undefined>;
  remember(image: Image): Promise<void>;
}

/** `inputs` is everything that the image depends on, two equal ones mean the same image; `stored` tells what the store has. */
export function openBuildMemory<Image extends StoredReferences>(
  directory: string,
  inputs: unknown,
  stored: () => Promise<readonly StoredImage[]>,
): BuildMemory<Image> {
  const key = createHash("sha256").update(JSON.stringify(inputs)).digest("hex");
  const file = path.join(directory, key);
  return {
    async recall(maxAge = Number.POSITIVE_INFINITY) {
      const built = (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
      if (Date.now() - built >= maxAge) return undefined;
      const image = parse<Image>(await readFile(file, "utf8").catch(() => ""));
      if (image === undefined) return undefined;
      const same = (await stored()).find(({ id }) => id === image.id);
      return image.references.every((name) => same?.names.includes(name)) ? image : undefined;
    },
    async remember(image) {
      await makeDirectories(directory);
      const fresh = path.join(directory, ownName());
      await writeFile(fresh, JSON.stringify(image));
      await rename(fresh, file);
    },
  };
}

function parse<Image>(text: string): Image | undefined {
  try {
    return text === "" ? undefined : (JSON.parse(text) as Image);
  } catch {
    // Half-written by a full disk or damaged: as good as not there.
    return undefined;
  }
}
