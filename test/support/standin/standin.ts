import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemErrorCode } from "../../../src/system/errors.ts";
import { isLeftover, ownName } from "../../../src/system/workdir.ts";
import { run } from "../run.ts";
import { type Base, baseNames, makeBase, repoFile, unpackBase } from "./base.ts";
import { findMirror } from "./debian.ts";
import { fedoraRelease } from "./package.ts";
import { inParallel } from "./pool.ts";
import { makeRepository } from "./repository.ts";

/** A world in the layout of Fedora, made of Debian's parts; nothing in it is Fedora's. All paths are absolute. */
export interface StandIn {
  /** Directories of signed repositories, by architecture. */
  readonly repository: { readonly x86_64: string; readonly aarch64: string };
  /** The public key, armored, that packages and metadata are signed with. */
  readonly gpgKey: string;
  /** A directory for `--setopt=reposdir=` with the repository's configuration; `$basearch` is the architecture. */
  readonly reposDir: string;
  /** `$releasever`. */
  readonly release: string;
  /** `oci:DIRECTORY`, for `loadBase`. Base and builder in one; they contain the repository. */
  readonly base: Readonly<Record<Base, string>>;
}

/** The programs that making the stand-in takes, for `requireTools`. */
export const standInTools = [
  "root",
  "apt-get",
  "dpkg-deb",
  "mmdebstrap",
  "rpmbuild",
  "rpmsign",
  "createrepo_c",
  "gpg",
  "tar",
] as const;

const here = path.dirname(fileURLToPath(import.meta.url));

/** Finds the stand-in in the cache or makes it: some milliseconds, or about a minute. */
export async function standIn(): Promise<StandIn> {
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "dhcpd-build-test");
  const place = path.join(cache, `standin-${await inputs()}`);
  if (!(await exists(place))) {
    await mkdir(cache, { recursive: true });
    await using _ = await lock(`${place}.lock`);
    if (!(await exists(place))) await make(place);
  }
  await utimes(place, new Date(), new Date());
  return describeStandIn(place);
}

function describeStandIn(place: string): StandIn {
  const base = (name: Base) => `oci:${path.join(place, `base-${name}`)}`;
  return {
    repository: { x86_64: path.join(place, "repository/x86_64"), aarch64: path.join(place, "repository/aarch64") },
    gpgKey: path.join(place, "repository/RPM-GPG-KEY-standin"),
    reposDir: path.join(place, "repos.d"),
    release: fedoraRelease,
    base: { dnf4: base("dnf4"), dnf5: base("dnf5"), dnf4Aarch64: base("dnf4Aarch64") },
  };
}

async function make(place: string): Promise<void> {
  // Beside its final place, so that the rename is one step; the name tells whether its maker still lives.
  const cache = path.dirname(place);
  for (const name of (await readdir(cache)).filter(isLeftover)) await rm(path.join(cache, name), { recursive: true });
  await removeUnused(cache);
  const work = path.join(cache, ownName());
  const made = path.join(work, "made");
  const repository = path.join(made, "repository");
  const packages = path.join(work, "packages");
  const rootOf = (base: Base) => path.join(work, `root-${base}`);
  try {
    await mkdir(path.join(made, "repos.d"), { recursive: true });
    const mirror = await findMirror(run);
    await Promise.all([
      // Removing takes its time, too: better beside the work than after it.
      makeRepository(run, mirror, repository, packages).then(() => rm(packages, { recursive: true })),
      // All at once: each of them waits for the network, the disk and its own pipe most of the time.
      ...baseNames.map((base) => unpackBase(run, base, mirror, rootOf(base))),
    ]);
    await inParallel(baseNames, 2, async (base) => {
      await makeBase(run, base, { repository, rootfs: rootOf(base) }, path.join(made, `base-${base}`));
      await rm(rootOf(base), { recursive: true });
    });
    const at = describeStandIn(place);
    const url = `file://${path.dirname(at.repository.x86_64)}`;
    await writeFile(path.join(made, "repos.d/standin.repo"), repoFile(url, `file://${at.gpgKey}`));
    await rename(made, place).catch((error: unknown) => {
      // Two that broke the same stale lock both make it; either result is good.
      if (systemErrorCode(error) !== "ENOTEMPTY") throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Copies a base into the store that `env` points to, under a name of the caller's choice, such as `localhost/standin-dnf5:44`. Older
 * buildahs would name it after the directory, and refuse that where it has a dot in it.
 */
export async function loadBase(base: string, name: string, env: Readonly<Record<string, string>>): Promise<void> {
  await run(["skopeo", "copy", "--quiet", base, `containers-storage:${name}`], { env });
}

/** Stand-ins of other versions of this directory, which take 600 MB each, once nobody has used them for a day. */
async function removeUnused(cache: string): Promise<void> {
  for (const name of (await readdir(cache)).filter((entry) => /^standin-[0-9a-f]{16}$/.test(entry))) {
    const { mtimeMs } = await stat(path.join(cache, name));
    if (Date.now() - mtimeMs > 24 * 60 * 60 * 1000) await rm(path.join(cache, name), { recursive: true, force: true });
  }
}

/** The stand-in is made anew when one of the files that make it changes. */
async function inputs(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(here)).sort()) hash.update(await readFile(path.join(here, name)));
  return hash.digest("hex").slice(0, 16);
}

async function exists(place: string): Promise<boolean> {
  return access(place).then(
    () => true,
    () => false,
  );
}

/** Waits for other processes that make the same; a lock whose maker was killed is broken. */
async function lock(file: string): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await writeFile(file, ownName(), { flag: "wx" });
      return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw error;
    }
    const holder = await readFile(file, "utf8").catch(() => "");
    if (isLeftover(holder)) await rm(file, { force: true });
    else await setTimeout(200);
  }
}
