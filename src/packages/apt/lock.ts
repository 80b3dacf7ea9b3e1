import { type LockDifference, type LockedPackage, lockDifferences, refuseUnavailable } from "../../lock/lock.ts";
import { Failure } from "../../system/errors.ts";
import { CommandFailure, type Run } from "../../system/run.ts";
import type { ContentCache } from "../cache.ts";
import { parseStanzas, type Stanza } from "./control.ts";

export interface AptLockOptions {
  /** What `apt-cache show` says about the packages: every version that the lists have, the candidates first. */
  readonly shown: readonly Stanza[];
  readonly cache: ContentCache;
  readonly run: Run;
}

/**
 * The packages of a lock by name as the lists describe them, else as their own files in the cache do: an archive forgets, a cache
 * does not. Throws Failure with a table of those that are in neither.
 */
export async function lockedStanzas(
  packages: readonly LockedPackage[],
  { shown, cache, run }: AptLockOptions,
): Promise<ReadonlyMap<string, Stanza>> {
  const found = new Map<string, Stanza>();
  const lost: LockDifference[] = [];
  for (const locked of packages) {
    const candidates = shown.filter((stanza) => stanza.package === locked.name);
    const same = candidates.find(({ version, sha256 }) => version === locked.version && sha256 === locked.sha256);
    const stanza = same ?? (await describedByFile(locked, cache, run));
    if (stanza !== undefined) found.set(locked.name, stanza);
    else lost.push(...lockDifferences([locked], candidates.slice(0, 1).map(asFound)));
  }
  refuseUnavailable(lost);
  return found;
}

function asFound({ package: name = "", version = "", sha256 = "" }: Stanza) {
  return { name, version, sha256 };
}

/** What a package's own control file says (dpkg-deb(1)), with what only an index knows of it. */
async function describedByFile(locked: LockedPackage, cache: ContentCache, run: Run): Promise<Stanza | undefined> {
  const file = await cache.find(locked.sha256);
  if (file === undefined) return undefined;
  const { name, version, sha256, size, from } = locked;
  try {
    const [stanza] = parseStanzas(await run(["dpkg-deb", "--field", file]));
    if (stanza?.package !== name || stanza.version !== version) throw notTheSame(locked);
    return { ...stanza, sha256, size: String(size), filename: from };
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.notFound) throw error;
    throw notTheSame(locked, error);
  }
}

function notTheSame({ name, version, sha256 }: LockedPackage, cause?: Error): Failure {
  return new Failure(`cannot use the lock: the file with SHA-256 ${sha256} is not ${name} ${version}`, {
    hint: "the lock was changed by hand; write it anew with: dhcpd-build lock",
    cause,
  });
}
