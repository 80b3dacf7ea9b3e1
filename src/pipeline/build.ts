import { type Remark, reportRemarks } from "../closure/inspection.ts";
import type { Lock, LockedBase, LockedRelease } from "../lock/lock.ts";
import type { ImagePlan, Plan } from "../plan/plan.ts";
import { buildOsImage, lockOsImage } from "./build-os.ts";
import { buildScratchImage, lockScratchImage } from "./build-scratch.ts";
import type { BuildOptions, BuiltImage, Tools } from "./built-image.ts";

interface Built {
  readonly image: BuiltImage;
  readonly remarks: readonly Remark[];
}

/** Builds the plan's images side by side. When one fails the others are still finished or cleaned up before the failure is thrown. */
export async function buildImages(plan: Plan, options: BuildOptions, tools: Tools): Promise<readonly BuiltImage[]> {
  const results = await Promise.allSettled(plan.images.map((image) => buildImage(image, options, tools)));
  const built = results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
  reportRemarks(
    built.flatMap(({ remarks }) => remarks),
    tools.log,
  );
  return built.map(({ image }) => image);
}

async function buildImage(plan: ImagePlan, options: BuildOptions, tools: Tools): Promise<Built> {
  switch (plan.kind) {
    case "scratch":
      return buildScratchImage(plan, options, tools);
    case "os":
      return buildOsImage(plan, options, tools);
  }
}

/** What the plan's images would be made of now, for a lock; no image is made. Throws Failure. */
export async function lockImages(
  plan: Plan,
  options: Pick<BuildOptions, "maxListAge">,
  tools: Tools,
): Promise<Pick<Lock, "releases" | "bases">> {
  const releases: LockedRelease[] = [];
  const bases: LockedBase[] = [];
  for (const image of plan.images) {
    switch (image.kind) {
      case "scratch":
        releases.push(await lockScratchImage(image, options, tools));
        break;
      case "os":
        bases.push(await lockOsImage(image, tools));
        break;
    }
  }
  return { releases, bases };
}
