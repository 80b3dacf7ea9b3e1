import { access } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The directory of the recipes that come with this package. The nearest `recipes/` above this file that lies beside a
 * package.json: from src/recipe/ as well as from a bundle in dist/.
 */
export async function shippedRecipes(): Promise<string> {
  for (let here = path.dirname(fileURLToPath(import.meta.url)); ; here = path.dirname(here)) {
    if (await exists(path.join(here, "package.json"))) return path.join(here, "recipes");
    if (here === path.dirname(here)) throw new Error("no package.json above the program: the installation is broken");
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
