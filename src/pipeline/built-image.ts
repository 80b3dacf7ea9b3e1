import path from "node:path";
import * as z from "zod";
import type { StoredReferences } from "../image/assemble.ts";
import { type BuildCache, openBuildCache } from "../image/build-cache.ts";
import type { StoredImage } from "../image/buildah.ts";
import { latestReference } from "../image/config.ts";
import type { LoaderCheck } from "../loader/cross-check.ts";
import type { ImagePlan } from "../plan/plan.ts";
import type { BuildRecord } from "../report/record.ts";
import { archNames } from "../system/arch.ts";
import type { Log } from "../system/log.ts";
import type { Run } from "../system/run.ts";
import { cacheDirectory } from "../system/user-directories.ts";
import { version as toolVersion } from "../system/version.ts";

/** What a build leaves in the store, as `--json` prints it. */
export interface BuiltImage extends StoredReferences {
  /** The sum of the bytes of regular files. */
  readonly size: number;
  /** Regular files and symlinks. */
  readonly files: number;
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
  /** What of that is there for scanners alone. */
  readonly metadata?: { readonly size: number; readonly files: number };
  /** Whether the image's own loader was asked about the closure. No part of the image, whose digest may not depend on it. */
  readonly loaderCheck?: LoaderCheck | "skipped";
}

export interface BuildOptions {
  /** How old package lists may be, in milliseconds. */
  readonly maxListAge: number;
  /** Build even what is there already. */
  readonly force: boolean;
  /** Ask the image's own loader as well, where it runs. */
  readonly loaderCheck: boolean;
}

export interface Tools {
  readonly run: Run;
  readonly log: Log;
}

const count = z.int().nonnegative();

const remembered: z.ZodType<BuiltImage> = z.object({
  arch: z.enum(archNames),
  id: z.string().regex(/^(?:sha256:)?[0-9a-f]+$/),
  references: z.array(z.string()).min(1),
  size: count,
  files: count,
  packages: z.array(z.object({ name: z.string(), version: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
  metadata: z.object({ size: count, files: count }).exactOptional(),
  loaderCheck: z.enum(["agreed", "not asked", "skipped"]).exactOptional(),
});

/** What was built of a plan, as the cache remembers it; `inputs` is what the image depends on besides. */
export function builtMemory(
  plan: ImagePlan,
  inputs: readonly unknown[],
  stored: () => Promise<readonly StoredImage[]>,
): BuildCache<BuiltImage> {
  return openBuildCache<BuiltImage>(path.join(cacheDirectory(), "built"), {
    inputs: [toolVersion, plan, ...inputs],
    latest: latestReference(plan),
    read: (value) => remembered.safeParse(value).data,
    stored,
  });
}

type Sized = readonly { readonly size?: number }[];

/** `files` is what the image has besides directories; sizes in bytes. */
export function builtImage(stored: StoredReferences, files: Sized, { packages, entries }: BuildRecord): BuiltImage {
  const metadata = entries.filter(({ kind, reason }) => kind !== "directory" && reason.kind === "metadata");
  return {
    ...stored,
    ...measured(files),
    ...(metadata.length === 0 ? {} : { metadata: measured(metadata) }),
    packages: packages.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
  };
}

function measured(files: Sized) {
  return { size: files.reduce((sum, { size }) => sum + (size ?? 0), 0), files: files.length };
}
