import path from "node:path";
import type { LoaderCheck } from "../elf/ask-loader.ts";
import type { StoredReferences } from "../image/assemble.ts";
import type { BuildRecord } from "../report/record.ts";
import { cacheDirectory } from "../system/cache-directory.ts";
import type { Log } from "../system/log.ts";
import type { Run } from "../system/run.ts";

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

/** Where it is remembered what plans became. */
export function builtDirectory(): string {
  return path.join(cacheDirectory(), "built");
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
