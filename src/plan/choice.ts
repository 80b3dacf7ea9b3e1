import type { Recipe } from "../recipe/schema.ts";
import { type Arch, archesAsked } from "../system/arch.ts";
import { usageFailure } from "../system/errors.ts";
import { type Family, families } from "../system/family.ts";
import type { PlanRequest } from "./request.ts";

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
  const asked = archesAsked(request.arches, recipe.arches);
  const foreign = asked.find((arch) => !recipe.arches.includes(arch));
  if (foreign === undefined) return asked;
  throw usageFailure(
    `cannot plan ${recipe.name} for ${foreign}: the recipe is not for it`,
    `the recipe has ${recipe.arches.join(", ")}`,
  );
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
