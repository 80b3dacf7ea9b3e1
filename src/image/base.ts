import type { OsImagePlan } from "../plan/plan.ts";
import { type Arch, arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { CommandFailure, shortened } from "../system/run.ts";
import { registryTimeout } from "../system/time.ts";
import type { Buildah, WorkingContainer } from "./buildah.ts";
import type { ImageDescription } from "./config.ts";

/** By what an OS-based image's base is got: its name, or exactly the one that a lock has. */
export function baseReference({ base, lock }: Pick<OsImagePlan, "base" | "lock">): string {
  return lock === undefined ? base : `${base.replace(/@.*$/, "").replace(/:[^/:]*$/, "")}@${lock.digest}`;
}

/** A working container from a base image, which is pulled where the store does not have it. Throws Failure. */
export async function fromBase(
  { base, arch }: { readonly base: string; readonly arch: Arch },
  buildah: Buildah,
  hint = "check its name and the network, pull it by hand with `buildah pull`, or name another one that the store has",
): Promise<WorkingContainer> {
  try {
    const stored = await findStored(base, arch, buildah);
    return await buildah.from(base, arch, stored === undefined ? { stallLimit: registryTimeout } : {});
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    throw new Failure(`cannot get the image ${base} for ${arch}: ${causeIn(error)}`, {
      hint,
      cause: error,
    });
  }
}

/** A working container from the base that a plan is about, exactly the locked one where it has a lock. Throws Failure. */
export function fromPlannedBase(plan: OsImagePlan, buildah: Buildah): Promise<WorkingContainer> {
  const base = { base: baseReference(plan), arch: plan.arch };
  if (plan.lock === undefined) return fromBase(base, buildah);
  const hint =
    "check the network; where nobody has that base any more, `dhcpd-build lock fedora` takes the one there is now";
  return fromBase(base, buildah, hint);
}

/** What the store knows of an image; undefined where it has none of that name for the architecture. */
export async function findStored(image: string, arch: Arch, buildah: Buildah): Promise<ImageDescription | undefined> {
  try {
    const described = await buildah.describe(image);
    return described.config.architecture === arches[arch].oci ? described : undefined;
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === 125) return undefined;
    throw error;
  }
}

/** The end of buildah's error, which is where the cause stands: `...: dial tcp: lookup example.org: no such host`. */
function causeIn({ stderr, complaint }: CommandFailure): string {
  const line = stderr.split("\n").findLast((each) => each.startsWith("Error: ")) ?? complaint;
  return shortened(line.replace(/^Error: /, ""), 400);
}
