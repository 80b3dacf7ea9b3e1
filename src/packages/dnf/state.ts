import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../system/errors.ts";
import type { Log } from "../../system/log.ts";
import { familyOf, releaseOf } from "../../system/os-release.ts";
import { type Outcome, type Place, printedBy } from "../../system/place.ts";
import { type Command, CommandFailure, shortened } from "../../system/run.ts";
import { makeDirectory } from "../cache.ts";
import type { Distribution } from "../source.ts";

/** A dnf of our own beside the host's: its repositories and keys, but an empty system, another cache and architecture. */
export interface DnfState {
  readonly directory: string;
  /** dnf5, or the dnf 4 in Python; what they are called differs. */
  readonly generation: 4 | 5;
  /** The release of the system that dnf is of; undefined on a system of another family. */
  readonly distribution: Distribution | undefined;
  /** dnf with everything but a verb. Metadata is used as it is, however old. */
  dnf(...verb: readonly string[]): Promise<string>;
  /** The same for several verbs that do not need each other, in one start of a container. */
  all(verbs: readonly (readonly string[])[]): Promise<readonly Outcome[]>;
  /** Changes when, and only when, the repositories' metadata changes. */
  listsFingerprint(): Promise<string>;
}

/** Makes or finds the private state for an architecture (as rpm spells it). No root is needed. Throws Failure. */
export async function openDnfState(directory: string, architecture: string, place: Place): Promise<DnfState> {
  const identity = place.identity ?? (await fingerprintOfHost());
  const state = path.join(directory, `${architecture}-${identity.slice(-16)}`);
  await Promise.all(["root", "cache"].map((part) => makeDirectory(path.join(state, part))));
  const { program, generation, distribution } = await findDnf(state, place);
  const base: Command = [
    program,
    "-q",
    "-y",
    `--installroot=${path.join(state, "root")}`,
    // dnf5 looks for repositories in the empty root otherwise; Debian's dnf 4 has a plugin whose repository does not exist.
    ...(generation === 5 ? ["--use-host-config"] : ["--disableplugin=local"]),
    // Elsewhere the repositories must do without $releasever, or dnf's own configuration says it.
    ...(distribution === undefined ? [] : [`--releasever=${distribution.version}`]),
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
    all: (verbs) => place.all(verbs.map((verb) => [...base, ...verb])),
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
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.notFound) throw error;
    const cause = dnfComplaint(error);
    if (/^No matching repositories/i.test(cause)) throw noRepository(error);
    if (last === undefined || options.maxAge === 0 || /gpg|openpgp|signature|checksum/i.test(cause)) {
      throw new Failure(`cannot fetch the repositories' metadata: ${cause}`, {
        hint: "check the network and the repositories with: dnf makecache",
        cause: error,
      });
    }
    options.log.warn(`cannot refresh the metadata, that of ${last.toISOString()} is used: ${cause}`);
    return;
  }
  // dnf 4 is content with none.
  if ((await metadataFiles(state.directory)).length === 0) throw noRepository();
  await writeFile(stamp, "");
}

function noRepository(cause?: Error): Failure {
  return new Failure("cannot use Fedora's packages: dnf has no repository", {
    hint: "add one to /etc/yum.repos.d, or run dnf inside an image that has them: --builder IMAGE",
    cause,
  });
}

/** The line in which dnf 4 or dnf5 says what went wrong. */
export function dnfComplaint({ stdout, stderr, complaint }: CommandFailure): string {
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim());
  const said = lines.find((line) => /^Error:/.test(line)) ?? lines.find((line) => /^(Failed|Cannot|No )/i.test(line));
  return shortened((said ?? complaint).replace(/^Error: /, ""), 400);
}

interface Dnf {
  readonly program: "dnf5" | "dnf";
  readonly generation: 4 | 5;
  readonly distribution?: Distribution;
}

/** dnf5 under either of its names, else dnf 4; remembered, for what a place has does not change while it has its name. */
async function findDnf(state: string, place: Place): Promise<Dnf> {
  const note = path.join(state, "dnf.json");
  const known = parseNote(await readFile(note, "utf8").catch(() => ""));
  if (known !== undefined && place.identity !== undefined) return known;
  const found = await lookForDnf(place, known);
  await writeFile(note, JSON.stringify(found));
  return found;
}

const programs = ["dnf5", "dnf"] as const;

/** Asks what is not known yet, all at once: the programs for their versions, and the system for its release. */
async function lookForDnf(place: Place, known?: Dnf): Promise<Dnf> {
  const versions: readonly Command[] = known === undefined ? programs.map((program) => [program, "--version"]) : [];
  const [osRelease, ...answers] = await place.all([["cat", "/etc/os-release"], ...versions]);
  const { program, generation } = known ?? dnfAmong(answers);
  const distribution = distributionIn(printedBy(osRelease));
  return { program, generation, ...(distribution === undefined ? {} : { distribution }) };
}

/** The first program that is there, by what each answered about its version. Throws Failure if none is. */
function dnfAmong(answers: readonly Outcome[]): Pick<Dnf, "program" | "generation"> {
  for (const [index, program] of programs.entries()) {
    const answer = answers[index];
    if (answer instanceof CommandFailure && answer.notFound) continue;
    return { program, generation: /dnf5/.test(printedBy(answer)) ? 5 : 4 };
  }
  throw new Failure("cannot use Fedora's packages: there is no dnf", {
    hint: "install it, or name an image that has it: --builder IMAGE",
  });
}

function parseNote(text: string): Dnf | undefined {
  try {
    return JSON.parse(text) as Dnf;
  } catch {
    // Not there, or half-written by a full disk: look again.
    return undefined;
  }
}

function distributionIn(osRelease: string): Distribution | undefined {
  if (familyOf(osRelease) !== "fedora") return undefined;
  return releaseOf(osRelease) ?? { id: "fedora", version: "rawhide" };
}

/** What dnf.conf(5) and dnf5.conf(5) name, and os-release, which `$releasever` is from. */
const hostPlaces = [
  ...["/etc/dnf/dnf.conf", "/etc/dnf/libdnf5.conf.d", "/usr/share/dnf5/libdnf.conf.d", "/etc/dnf/repos.override.d"],
  ...["/etc/dnf/vars", "/etc/yum/vars", "/usr/share/dnf5/vars.d", "/etc/os-release", "/etc/pki/rpm-gpg"],
  ...["/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d", "/usr/share/dnf5/repos.d"],
];

/** Of everything on this host that says which repositories there are. */
async function fingerprintOfHost(): Promise<string> {
  const hash = createHash("sha256");
  const configuration = await readFile("/etc/dnf/dnf.conf", "utf8").catch(() => "");
  const elsewhere = /^reposdir\s*=\s*(.*)$/m.exec(configuration)?.[1]?.split(/[\s,]+/) ?? [];
  for (const place of [...hostPlaces, ...elsewhere.filter((each) => each !== "")]) {
    const names = await readdir(place).catch(() => undefined);
    const files = names === undefined ? [place] : names.sort().map((name) => path.join(place, name));
    for (const file of files) hash.update(file).update(await readFile(file).catch(() => ""));
  }
  return hash.digest("hex");
}

async function listsFingerprint(state: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of await metadataFiles(state)) hash.update(name).update(await readFile(path.join(state, name)));
  return hash.digest("hex");
}

/** Each repository has one, with the checksums of everything else. */
async function metadataFiles(state: string): Promise<readonly string[]> {
  return (await readdir(state, { recursive: true })).filter((each) => each.endsWith("/repomd.xml")).sort();
}
