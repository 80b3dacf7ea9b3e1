import type { ScratchImagePlan } from "../plan.ts";
import { type Arch, arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import type { Buildah } from "./buildah.ts";
import { imageConfig, references } from "./config.ts";

/** An image in the local store. */
export interface StoredReferences {
  readonly arch: Arch;
  readonly id: string;
  readonly references: readonly string[];
}

/** What is put into an image besides the plan. */
export interface ScratchContent {
  /** The path of the tar with the image's files. */
  readonly rootfs: string;
  /** The service's upstream version. */
  readonly version: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Makes the image with buildah: one layer, no history, tagged. Throws Failure. */
export async function assembleScratch(
  plan: ScratchImagePlan,
  content: ScratchContent,
  buildah: Buildah,
): Promise<StoredReferences> {
  const version = await buildah.version();
  await using container = await buildah.from("scratch");
  await buildah.add(container, content.rootfs);
  await buildah.config(container, imageConfig(plan, content.version, content.labels));
  const id = await buildah.commit(container, content.created, version);
  const names = references(plan, content.version);
  const [architecture] = await Promise.all([buildah.architectureOf(id), buildah.tag(id, names)]);
  if (architecture === arches[plan.arch].oci) return { arch: plan.arch, id, references: names };
  throw new Failure(`cannot build for ${plan.arch}: buildah committed an image for ${architecture}`);
}
