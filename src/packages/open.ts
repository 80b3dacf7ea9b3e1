import path from "node:path";
import type { LockedRelease } from "../lock/lock.ts";
import { type Arch, arches } from "../system/arch.ts";
import type { Family } from "../system/family.ts";
import type { Log } from "../system/log.ts";
import type { Place } from "../system/place.ts";
import { cacheDirectory, cacheKey } from "../system/user-directories.ts";
import { rememberAnswers } from "./answers.ts";
import { type ContentCache, openCache } from "./cache.ts";
import type { PackageSource } from "./source.ts";

export interface SourceOptions {
  readonly family: Family;
  readonly arch: Arch;
  readonly packages: readonly string[];
  /** Which packages must be exactly which, by release. */
  readonly lock?: readonly LockedRelease[];
  /** How old package lists may be, in milliseconds; 0 fetches them anew. */
  readonly maxListAge: number;
  /** Where the family's package manager runs. */
  readonly place: Place;
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
  switch (options.family) {
    case "debian":
      return openDebian(options);
    case "fedora":
      return openFedora(options);
  }
}

async function openDebian({ arch, packages, lock, maxListAge, place, log }: SourceOptions): Promise<PackageLists> {
  const [{ openAptState, refreshLists }, { openAptSource }] = await Promise.all([
    import("./apt/state.ts"),
    import("./apt/source.ts"),
  ]);
  const [state, cache] = await Promise.all([
    openAptState(path.join(cacheDirectory(), "apt"), arches[arch].debian, place),
    openUserCache(),
  ]);
  const { run } = place;
  await refreshLists(state, { maxAge: maxListAge, run, log });
  const fingerprint = await state.listsFingerprint();
  const remember = rememberAnswers(`${state.directory}\n${fingerprint}`, cache);
  const locked = lock === undefined ? {} : { lock };
  return {
    fingerprint,
    open: () => openAptSource({ arch, packages, ...locked, state, remember, cache, run, log }),
  };
}

async function openFedora({ arch, packages, lock, maxListAge, place, log }: SourceOptions): Promise<PackageLists> {
  const [{ openDnfState, refreshMetadata }, { openDnfSource }] = await Promise.all([
    import("./dnf/state.ts"),
    import("./dnf/source.ts"),
  ]);
  const [state, cache] = await Promise.all([
    openDnfState(path.join(cacheDirectory(), "dnf"), arches[arch].rpm, place),
    openUserCache(),
  ]);
  await refreshMetadata(state, { maxAge: maxListAge, log });
  const fingerprint = await state.listsFingerprint();
  const remember = rememberAnswers(`${state.directory}\n${fingerprint}`, cache);
  const locked = lock === undefined ? {} : { lock };
  return {
    fingerprint,
    open: () => openDnfSource({ arch, packages, ...locked, state, remember, cache, place, log }),
  };
}

async function openUserCache(): Promise<ContentCache> {
  return openCache(cacheDirectory(), await cacheKey());
}
