import type { ImagePlan } from "../plan.ts";
import { type Arch, arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import type { Buildah, WorkingContainer } from "./buildah.ts";
import { imageConfig, references } from "./config.ts";

/** An image in the local store. */
export interface StoredReferences {
  readonly arch: Arch;
  readonly id: string;
  readonly references: readonly string[];
}

/** What is put into an image besides the plan. */
export interface ImageContent {
  /** The path of a tar with files to add. */
  readonly rootfs: string;
  /** The service's upstream version. */
  readonly version: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Makes the image of a working container, of either kind: one layer over what it came from, no history, tagged. Throws Failure. */
export async function assemble(
  plan: ImagePlan,
  container: WorkingContainer,
  content: ImageContent,
  buildah: Buildah,
): Promise<StoredReferences> {
  const [version] = await Promise.all([buildah.version(), buildah.add(container, content.rootfs)]);
  await buildah.config(container, imageConfig(plan, content.version, content.labels));
  const id = await buildah.commit(container, content.created, version);
  const names = references(plan, content.version);
  const [architecture] = await Promise.all([buildah.architectureOf(id), buildah.tag(id, names)]);
  if (architecture === arches[plan.arch].oci) return { arch: plan.arch, id, references: names };
  throw new Failure(`cannot build for ${plan.arch}: buildah committed an image for ${architecture}`);
}
