import type { PlanRequest } from "../plan.ts";
import type { Recipe } from "../recipe/schema.ts";
import { type Arch, archNames, parseArch } from "../system/arch.ts";
import { usageFailure } from "../system/errors.ts";
import { type Family, families } from "../system/family.ts";

/** The architectures that are asked for, each once. Throws a usage Failure for one that is not known or not the recipe's. */
export function chosenArches(recipe: Recipe, request: PlanRequest): readonly Arch[] {
  if (request.arches.length === 0) {
    const { hostArch } = request;
    if (hostArch !== undefined && recipe.arches.includes(hostArch)) return [hostArch];
    const cause =
      hostArch === undefined
        ? "images cannot be built for this machine's architecture"
        : `the recipe is not for ${hostArch}`;
    throw usageFailure(
      `cannot plan ${recipe.name}: ${cause}`,
      `choose with --arch: ${recipe.arches.join(", ")} or all`,
    );
  }
  const asked = request.arches.flatMap((spelling) => {
    if (spelling === "all") return recipe.arches;
    const arch = parseArch(spelling);
    if (arch === undefined)
      throw usageFailure(
        `cannot plan for architecture '${spelling}': it is not known`,
        `known are ${archNames.join(", ")} and all`,
      );
    if (!recipe.arches.includes(arch)) {
      throw usageFailure(
        `cannot plan ${recipe.name} for ${arch}: the recipe is not for it`,
        `the recipe has ${recipe.arches.join(", ")}`,
      );
    }
    return [arch];
  });
  return [...new Set(asked)];
}

/** The family that is asked for, else this host's where the recipe has it, else the recipe's first. Throws a usage Failure for any other. */
export function chosenFamily(
  recipe: string,
  packages: Readonly<Partial<Record<Family, unknown>>>,
  request: PlanRequest,
): Family {
  const has = Object.keys(packages).flatMap((name) => families.find((family) => family === name) ?? []);
  const wanted = request.from ?? has.find((family) => family === request.hostFamily) ?? has[0];
  const family = has.find((name) => name === wanted);
  if (family !== undefined) return family;
  const known = families.some((name) => name === wanted);
  const cause = known ? "the recipe names none" : "there is no such family of packages";
  throw usageFailure(`cannot plan ${recipe} from ${wanted} packages: ${cause}`, `the recipe has ${has.join(", ")}`);
}
