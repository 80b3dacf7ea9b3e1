import { createHash } from "node:crypto";
import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../system/errors.ts";
import type { Log } from "../../system/log.ts";
import type { Place } from "../../system/place.ts";
import { CommandFailure, type Run, shortened } from "../../system/run.ts";
import { makeDirectory, requireSpace } from "../cache.ts";

/** Debian's lists and apt's index of them take 90 MB; bytes. */
const listsSpace = 128_000_000;

/** An apt of our own beside the host's: its sources, keyrings, pins and proxies, but another state, cache and architecture. */
export interface AptState {
  /** For APT_CONFIG (apt.conf(5)). */
  readonly config: string;
  readonly directory: string;
  /** Changes when, and only when, the package lists change. */
  listsFingerprint(): Promise<string>;
}

/** Where the host keeps what decides about packages, as `apt-config shell` knows it; f is a file, d a directory. */
const hostPlaces = {
  sourcelist: "f",
  sourceparts: "d",
  trusted: "f",
  trustedparts: "d",
  netrc: "f",
  netrcparts: "d",
  preferences: "f",
  preferencesparts: "d",
} as const;

/** Host settings about where packages come from and how they are fetched are kept; hooks and caches are not. */
const keptSetting = /^(Acquire::(?!IndexTargets|Languages|GzipIndexes)|APT::Default-Release |Dir::Bin::methods)/;

/** Makes or finds the private state for an architecture. No root is needed, nothing of the host's is written. */
export async function openAptState(
  directory: string,
  architecture: string,
  { run, identity }: Pick<Place, "run" | "identity">,
): Promise<AptState> {
  const [settings, places] = await Promise.all([
    run(["apt-config", "dump"]),
    run([
      "apt-config",
      "shell",
      ...Object.entries(hostPlaces).flatMap(([name, kind]) => [name, `Dir::Etc::${name}/${kind}`]),
    ]),
  ]);
  const kept = settings.split("\n").filter((line) => keptSetting.test(line));
  const etc = new Map([...places.matchAll(/^(\w+)='(.*)'$/gm)].map((match) => [match[1] ?? "", match[2] ?? ""]));
  const fingerprint = identity ?? (await fingerprintOf([...kept, ...etc.values()], [...etc.values()]));
  const state = path.join(directory, `${architecture}-${fingerprint.slice(-16)}`);
  await Promise.all(["lists/partial", "archives/partial"].map((part) => makeDirectory(path.join(state, part))));
  const config = path.join(state, "apt.conf");
  const text = configText(state, architecture, etc, kept);
  if ((await readFile(config, "utf8").catch(() => "")) !== text) {
    await writeFile(path.join(state, "status"), "");
    await writeFile(config, text);
  }
  return { config, directory: state, listsFingerprint: () => listsFingerprint(path.join(state, "lists")) };
}

function configText(
  state: string,
  architecture: string,
  etc: ReadonlyMap<string, string>,
  kept: readonly string[],
): string {
  const settings: Record<string, string> = {
    "Dir::Etc::parts": "/dev/null",
    "Dir::Etc::main": "/dev/null",
    ...Object.fromEntries([...etc].map(([name, place]) => [`Dir::Etc::${name}`, place])),
    "Dir::State": state,
    "Dir::State::lists": path.join(state, "lists"),
    "Dir::State::status": path.join(state, "status"),
    "Dir::Cache": state,
    "Dir::Cache::archives": path.join(state, "archives"),
    "Dir::Cache::srcpkgcache": "",
    "APT::Architecture": architecture,
    "APT::Sandbox::User": "root",
    "APT::Update::Error-Mode": "any",
    "Acquire::Languages": "none",
  };
  return [
    ...kept,
    ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`),
    `APT::Architectures { "${architecture}"; };`,
    "",
  ].join("\n");
}

/** Of the settings and of every file in the places they name, so that another source list means another state. */
async function fingerprintOf(settings: readonly string[], places: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(settings.join("\n"));
  for (const place of places) {
    const names = await readdir(place).catch(() => undefined);
    const files = names === undefined ? [place] : names.sort().map((name) => path.join(place, name));
    for (const file of files) hash.update(file).update(await readFile(file).catch(() => ""));
  }
  return hash.digest("hex");
}

async function listsFingerprint(lists: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(lists)).sort()) {
    if (!/(InRelease|Release|Packages[^/]*)$/.test(name)) continue;
    const { size, mtimeMs, ino } = await stat(path.join(lists, name));
    hash.update(`${name}\0${size}\0${mtimeMs}\0${ino}\n`);
  }
  return hash.digest("hex");
}

/**
 * Fetches the package lists when they are older than `maxAge` milliseconds. When the network is away older lists do;
 * lists that apt does not trust never do. Throws Failure.
 */
export async function refreshLists(state: AptState, options: { maxAge: number; run: Run; log: Log }): Promise<void> {
  const stamp = path.join(state.directory, "refreshed");
  const last = (await stat(stamp).catch(() => undefined))?.mtime;
  if (last !== undefined && Date.now() - last.getTime() < options.maxAge) return;
  await requireSpace(state.directory, listsSpace, "fetch the package lists");
  options.log.info(`refreshing package lists (${path.basename(state.directory).split("-")[0]})`);
  try {
    const lock = path.join(state.directory, "update.lock");
    await options.run(["flock", "--no-fork", lock, "apt-get", "update", "-q"], { env: { APT_CONFIG: state.config } });
    await writeFile(stamp, "");
    await utimes(stamp, new Date(), new Date());
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.notFound) throw error;
    const cause = firstComplaint(error.stderr);
    if (
      /NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|signature|not signed|no longer signed|GPG error|Hash Sum mismatch|not trusted/i.test(
        error.stderr,
      )
    ) {
      throw new Failure(`cannot trust the package lists: ${cause}`, {
        hint: "the keyring named in the host's apt sources (Signed-By) must hold the key that signed them",
        cause: error,
      });
    }
    if (options.maxAge === 0 || !(await hasLists(state))) {
      throw new Failure(`cannot fetch the package lists: ${cause}`, {
        hint: "check the network and the host's apt sources with: apt-get update",
        cause: error,
      });
    }
    // One source of several may be away; the others' lists are new, and apt keeps its old ones.
    options.log.warn(`cannot refresh all package lists, those that there are do: ${cause}`);
  }
}

async function hasLists({ directory }: AptState): Promise<boolean> {
  return (await readdir(path.join(directory, "lists"))).some((name) => /_Packages(\.\w+)?$/.test(name));
}

/** The first error that apt names, else its first warning, without the letter before it. */
export function firstComplaint(stderr: string): string {
  const lines = stderr.split("\n");
  const line = lines.find((each) => each.startsWith("E: ")) ?? lines.find((each) => each.startsWith("W: "));
  if (/No space left on device/.test(stderr)) return "no space left on device";
  return shortened(line?.slice(3).trim() ?? (stderr.trim().split("\n").at(-1) || "apt gave no reason"), 400);
}
