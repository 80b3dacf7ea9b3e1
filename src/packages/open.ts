import path from "node:path";
import { type Arch, arches } from "../system/arch.ts";
import { cacheDirectory } from "../system/cache-directory.ts";
import type { Family } from "../system/family.ts";
import type { Log } from "../system/log.ts";
import type { Run } from "../system/run.ts";
import { openCache } from "./cache.ts";
import type { PackageSource } from "./source.ts";

export interface SourceOptions {
  readonly family: Family;
  readonly arch: Arch;
  readonly packages: readonly string[];
  /** How old package lists may be, in milliseconds; 0 fetches them anew. */
  readonly maxListAge: number;
  readonly run: Run;
  readonly log: Log;
}

/** A family's package lists, ready to be asked. */
export interface PackageLists {
  /** Changes when, and only when, other packages could be chosen. */
  readonly fingerprint: string;
  open(): Promise<PackageSource>;
}

/** Makes a family's package lists fresh enough. Throws Failure. */
export async function openPackageLists(options: SourceOptions): Promise<PackageLists> {
  const { family, arch, run, log } = options;
  switch (family) {
    case "debian": {
      const [{ openAptState, refreshLists }, { openAptSource }] = await Promise.all([
        import("./apt-state.ts"),
        import("./apt.ts"),
      ]);
      const [state, cache] = await Promise.all([
        openAptState(path.join(cacheDirectory(), "apt"), arches[arch].debian, run),
        openCache(cacheDirectory()),
      ]);
      await refreshLists(state, { maxAge: options.maxListAge, run, log });
      return {
        fingerprint: await state.listsFingerprint(),
        open: () => openAptSource({ arch, packages: options.packages, state, cache, run, log }),
      };
    }
    case "fedora":
      throw new Error("no Fedora packages yet");
  }
}
