import { access, readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { usageFailure } from "../system/errors.ts";
import { nearest } from "../system/nearest.ts";
import { parseRecipe } from "./parse.ts";
import { readRecipeFile } from "./read.ts";
import type { Recipe } from "./schema.ts";

/** A recipe and where it was read. */
export interface LoadedRecipe {
  readonly recipe: Recipe;
  readonly file: string;
  readonly isShipped: boolean;
}

/**
 * A shipped recipe by its name (a bare word), or the recipe of a YAML file (anything with a `/` or a YAML ending). Throws a usage
 * Failure that names every mistake.
 */
export async function loadRecipe(nameOrFile: string): Promise<LoadedRecipe> {
  const isShipped = isName(nameOrFile);
  const file = isShipped ? await shippedRecipe(nameOrFile) : nameOrFile;
  return { recipe: parseRecipe(await readRecipeFile(file), file), file, isShipped };
}

function isName(text: string): boolean {
  return !text.includes("/") && !/\.ya?ml$/i.test(text);
}

/** The names of the shipped recipes, sorted. */
export async function shippedNames(): Promise<readonly string[]> {
  return (await readdir(await shippedRecipes()))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => path.basename(file, ".yaml"))
    .sort();
}

async function shippedRecipe(name: string): Promise<string> {
  const directory = await shippedRecipes();
  const shipped = await shippedNames();
  if (shipped.includes(name)) return path.join(directory, `${name}.yaml`);
  const meant = nearest(name, shipped);
  const known = `shipped are ${shipped.join(", ")}; a file is named with its ending or a slash, as ./recipe.yaml`;
  throw usageFailure(
    `cannot find the recipe '${name}'`,
    meant === undefined ? known : `did you mean ${meant}? ${known}`,
  );
}

/**
 * The directory of the recipes that come with this package. The nearest `recipes/` above this file that lies beside a
 * package.json: from src/recipe/ as well as from a bundle in dist/.
 */
async function shippedRecipes(): Promise<string> {
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
