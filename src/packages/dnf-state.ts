import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import { releaseOf } from "../system/os-release.ts";
import type { Place } from "../system/place.ts";
import { type Command, CommandFailure } from "../system/run.ts";
import { makeDirectory } from "./cache.ts";
import type { Distribution } from "./source.ts";

/** A dnf of our own beside the host's: its repositories and keys, but an empty system, another cache and architecture. */
export interface DnfState {
  readonly directory: string;
  /** dnf5, or the dnf 4 in Python; what they are called differs. */
  readonly generation: 4 | 5;
  /** The release that packages are for. */
  readonly distribution: Distribution;
  /** dnf with everything but a verb. Metadata is used as it is, however old. */
  dnf(...verb: readonly string[]): Promise<string>;
  /** Changes when, and only when, the repositories' metadata changes. */
  listsFingerprint(): Promise<string>;
}

/** Makes or finds the private state for an architecture (as rpm spells it). No root is needed. Throws Failure. */
export async function openDnfState(directory: string, architecture: string, place: Place): Promise<DnfState> {
  const distribution = await distributionAt(place);
  const identity = place.identity ?? (await fingerprintOfHost());
  const state = path.join(directory, `${architecture}-${distribution.version}-${identity.slice(-16)}`);
  await Promise.all(["root", "cache"].map((part) => makeDirectory(path.join(state, part))));
  const { program, generation } = await findDnf(state, place);
  const base: Command = [
    program,
    "-q",
    "-y",
    `--installroot=${path.join(state, "root")}`,
    // dnf5 looks for repositories in the empty root otherwise; Debian's dnf 4 has a plugin whose repository does not exist.
    ...(generation === 5 ? ["--use-host-config"] : ["--disableplugin=local"]),
    `--releasever=${distribution.version}`,
    `--forcearch=${architecture}`,
    `--setopt=cachedir=${path.join(state, "cache")}`,
    "--setopt=*.skip_if_unavailable=False",
    "--setopt=*.metadata_expire=never",
  ];
  return {
    directory: state,
    generation,
    distribution,
    dnf: (...verb) => place.run([...base, ...verb]),
    listsFingerprint: () => listsFingerprint(state),
  };
}

/** Fetches the repositories' metadata when it is older than `maxAge` milliseconds. When the network is away older metadata does. */
export async function refreshMetadata(state: DnfState, options: { maxAge: number; log: Log }): Promise<void> {
  const stamp = path.join(state.directory, "refreshed");
  const last = (await stat(stamp).catch(() => undefined))?.mtime;
  if (last !== undefined && Date.now() - last.getTime() < options.maxAge) return;
  options.log.info(`refreshing package metadata (${path.basename(state.directory).split("-")[0]})`);
  try {
    await state.dnf("makecache", "--refresh");
    await writeFile(stamp, "");
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const cause = dnfComplaint(error);
    if (last === undefined || options.maxAge === 0 || /gpg|openpgp|signature/i.test(cause)) {
      throw new Failure(`cannot fetch the repositories' metadata: ${cause}`, {
        hint: "check the network and the repositories with: dnf makecache",
        cause: error,
      });
    }
    options.log.warn(`cannot refresh the metadata, that of ${last.toISOString()} is used: ${cause}`);
  }
}

/** The line in which dnf 4 or dnf5 says what went wrong. */
export function dnfComplaint({ stdout, stderr, complaint }: CommandFailure): string {
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim());
  const said = lines.find((line) => /^Error:/.test(line)) ?? lines.find((line) => /^(Failed|Cannot|No )/i.test(line));
  return (said ?? complaint).replace(/^Error: /, "");
}

/** dnf5 under either of its names, else dnf 4; remembered, for dnf 4 takes its time to say its version. */
async function findDnf(
  state: string,
  { run }: Place,
): Promise<{ readonly program: string; readonly generation: 4 | 5 }> {
  const note = path.join(state, "dnf");
  const known = /^(dnf5?) ([45])$/.exec(await readFile(note, "utf8").catch(() => ""));
  if (known !== null) return { program: known[1] ?? "dnf", generation: known[2] === "5" ? 5 : 4 };
  for (const program of ["dnf5", "dnf"]) {
    try {
      const generation = /dnf5/.test(await run([program, "--version"])) ? 5 : 4;
      await writeFile(note, `${program} ${generation}`);
      return { program, generation };
    } catch (error) {
      if (!(error instanceof CommandFailure && error.notFound)) throw error;
    }
  }
  throw new Failure("cannot use Fedora's packages: dnf is not installed", {
    hint: "install it, or run it inside an image that has it: --builder IMAGE",
  });
}

async function distributionAt({ run }: Place): Promise<Distribution> {
  return releaseOf(await run(["cat", "/etc/os-release"])) ?? { id: "fedora", version: "rawhide" };
}

/** Of everything on this host that says which repositories there are. */
async function fingerprintOfHost(): Promise<string> {
  const hash = createHash("sha256");
  for (const place of ["/etc/dnf/dnf.conf", "/etc/dnf/vars", "/etc/yum.repos.d", "/etc/pki/rpm-gpg"]) {
    const names = await readdir(place).catch(() => undefined);
    const files = names === undefined ? [place] : names.sort().map((name) => path.join(place, name));
    for (const file of files) hash.update(file).update(await readFile(file).catch(() => ""));
  }
  return hash.digest("hex");
}

async function listsFingerprint(state: string): Promise<string> {
  const hash = createHash("sha256");
  const names = await readdir(state, { recursive: true });
  for (const name of names.filter((each) => each.endsWith("/repomd.xml")).sort()) {
    hash.update(name).update(await readFile(path.join(state, name)));
  }
  return hash.digest("hex");
}
