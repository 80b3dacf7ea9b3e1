import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../system/errors.ts";
import type { Log } from "../../system/log.ts";
import { type Outcome, type Place, printedBy, type Step } from "../../system/place.ts";
import { CommandFailure } from "../../system/run.ts";
import { type ContentCache, hashFile } from "../cache.ts";
import type { Package } from "../source.ts";
import { unpackRpms } from "../unpack.ts";
import {
  asPackage,
  type HeaderDetails,
  headerFormat,
  nevra,
  parseHeaderDetails,
  preservedPackage,
  type RepositoryPackage,
  splitHeaders,
} from "./rpm.ts";
import {
  checkCommand,
  importCommand,
  parseTrust,
  type RepositoryTrust,
  requireTrusted,
  signatureChecks,
  trustQuestion,
  warnOfKeys,
} from "./signatures.ts";
import { type DnfState, dnfComplaint } from "./state.ts";

/** A package file whose signature was checked, taken apart. */
export interface UnpackedRpm {
  readonly from: RepositoryPackage;
  readonly package: Package;
  /** The path of its files as an uncompressed tar. */
  readonly payload: string;
  /** What only its header knows of its files, by absolute path. */
  readonly details: ReadonlyMap<string, HeaderDetails>;
  /** The text of its %post scriptlet, which is not run; empty if it has none. */
  readonly scriptlet: string;
}

/** The name of a header in the cache. Earlier versions kept one without its scriptlet under `header`. */
const headerName = "header-with-scriptlet";

export interface RpmStoreOptions {
  readonly state: DnfState;
  readonly cache: ContentCache;
  readonly place: Place;
  readonly log: Log;
}

/** What a configuration of dnf was told of a package file, by its SHA-256: another configuration's repositories are called otherwise. */
export function descriptionKey({ directory }: Pick<DnfState, "directory">, sha256: string): string {
  return createHash("sha256")
    .update([path.basename(directory), sha256].join("\n"))
    .digest("hex");
}

/** The packages that others will lead to, themselves included or not. */
type Ahead = (packages: readonly RepositoryPackage[]) => readonly RepositoryPackage[];

/** Packages of one dnf state: downloaded by dnf, checked with the keys of their repositories, taken apart, and kept in the cache. */
export class RpmStore {
  readonly #options: RpmStoreOptions;
  #trust: ReadonlyMap<string, RepositoryTrust> = new Map();

  constructor(options: RpmStoreOptions) {
    this.#options = options;
  }

  /** The packages in the same order; what is not in the cache is fetched in one go, with whatever `ahead` adds to it. Throws Failure. */
  async unpacked(packages: readonly RepositoryPackage[], ahead: Ahead): Promise<readonly UnpackedRpm[]> {
    const cached = await this.#cachedOnes(packages);
    if (cached.includes(undefined)) {
      const wanted = [...new Set([...packages, ...ahead(packages)])];
      const there = await this.#cachedOnes(wanted);
      await this.#fetch(wanted.filter((_, index) => there[index] === undefined));
    }
    return Promise.all(
      packages.map(async (each, index) => {
        const found = cached[index] ?? (await this.#cached(each));
        if (found === undefined) throw new Failure(`cannot find package ${nevra(each)} in the cache`);
        return found;
      }),
    );
  }

  #cachedOnes(packages: readonly RepositoryPackage[]): Promise<readonly (UnpackedRpm | undefined)[]> {
    return Promise.all(packages.map((each) => this.#cached(each)));
  }

  async #cached(from: RepositoryPackage): Promise<UnpackedRpm | undefined> {
    const { cache } = this.#options;
    const [payload, file] = await Promise.all(
      ["payload", headerName].map((what) => cache.findDerived(this.#keyOf(from), what)),
    );
    if (payload === undefined || file === undefined) return undefined;
    const text = await readFile(file, "utf8");
    const end = text.indexOf("\n");
    const [header] = splitHeaders(text.slice(end + 1));
    if (header === undefined) return undefined;
    const { files, scriptlet } = header;
    const found = asPackage(from, text.slice(0, end));
    return { from, package: found, payload, details: parseHeaderDetails(files), scriptlet };
  }

  /**
   * A package and version in one repository of one configuration: what another configuration trusts is not trusted here. Content is
   * checked by its own hash.
   */
  #keyOf(from: RepositoryPackage): string {
    const parts = [path.basename(this.#options.state.directory), from.repository, nevra(from), from.size];
    return createHash("sha256").update(parts.join("\n")).digest("hex");
  }

  async #fetch(packages: readonly RepositoryPackage[]): Promise<void> {
    const { cache, log } = this.#options;
    await using scratch = await cache.scratchDirectory();
    log.info(`downloading ${packages.map(nevra).join(" ")}`);
    await this.#download(packages, scratch.path);
    const delivered = new Set(await readdir(scratch.path));
    const lost = packages.find(({ file }) => !delivered.has(file));
    if (lost !== undefined) throw new Failure(`cannot find ${lost.file} among what dnf downloaded`);
    const headers = await this.#checkAndUnpack(packages, scratch.path);
    await Promise.all(
      packages.map((each, index) => this.#adopt(each, path.join(scratch.path, each.file), headers[index] ?? "")),
    );
  }

  /** Downloads the packages, and asks about the repositories that have not been asked about yet. */
  async #download(packages: readonly RepositoryPackage[], directory: string): Promise<void> {
    const { state } = this.#options;
    const unknown = [...new Set(packages.map(({ repository }) => repository))].filter((each) => !this.#trust.has(each));
    const questions = unknown.length === 0 ? [] : [trustQuestion(unknown, state)];
    const download = ["download", `--destdir=${directory}`, ...packages.map(nevra)];
    const [downloaded, ...answers] = await state.all([download, ...questions]);
    if (downloaded instanceof CommandFailure) throw explained(downloaded, packages);
    for (const answer of answers) this.#trust = new Map([...this.#trust, ...parseTrust(printedBy(answer), state)]);
  }

  /** Checks the signatures of downloaded packages, then writes their files beside them; no scriptlet is run. Returns their headers. */
  async #checkAndUnpack(packages: readonly RepositoryPackage[], directory: string): Promise<readonly string[]> {
    const { log } = this.#options;
    const files = packages.map(({ file }) => path.join(directory, file));
    const steps: TakenStep[] = [];
    for (const check of signatureChecks(packages, this.#trust, { directory, log })) {
      const keyring = path.join(directory, `keys-${Buffer.from(check.repository).toString("hex")}`);
      await mkdir(keyring);
      steps.push(
        { command: importCommand(check, keyring), mayFail: true, take: (outcome) => warnOfKeys(check, outcome, log) },
        { command: checkCommand(check, keyring), take: (outcome) => requireTrusted(check, outcome) },
      );
    }
    let headers: readonly string[] = [];
    steps.push(
      {
        command: ["rpm", "-qp", "--nosignature", "--qf", headerFormat, ...files],
        take: (outcome) => {
          headers = requireHeaders(packages, printedBy(outcome));
        },
      },
      { command: ["sh", "-c", unpackRpms, "sh", ...files], take: requireUnpacked },
    );
    await this.#runSteps(steps);
    return headers;
  }

  /** Runs steps in one start of a container, as long as nobody objects to what comes of one. */
  async #runSteps(steps: readonly TakenStep[]): Promise<void> {
    for (let rest = steps; rest.length > 0; ) {
      const outcomes = await this.#options.place.series(rest);
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome instanceof CommandFailure && outcome.notFound) throw withoutRpm(outcome);
        rest[index]?.take(outcome);
      }
      // A series ends with a failure; here nobody has objected to it.
      rest = rest.slice(outcomes.length);
    }
  }

  /** Takes payload and header, with the hash of the file, into the cache, and what the repository says of it, for locks. */
  async #adopt(from: RepositoryPackage, file: string, header: string): Promise<void> {
    const { cache, state } = this.#options;
    const sha256 = hashFile(file);
    await cache.adoptDerived(this.#keyOf(from), "payload", `${file}.tar`);
    await writeFile(`${file}.header`, `${sha256}\n${header}`);
    await cache.adoptDerived(this.#keyOf(from), headerName, `${file}.header`);
    await writeFile(`${file}.described`, preservedPackage(from));
    await cache.adoptDerived(descriptionKey(state, sha256), "described", `${file}.described`);
  }
}

/** A command and what is made of its outcome; throws Failure if nothing may follow. */
interface TakenStep extends Step {
  take(outcome: Outcome): void;
}

/** The header of each file, in their order. Throws Failure for a file that is another package than the repository's metadata say. */
function requireHeaders(packages: readonly RepositoryPackage[], printed: string): readonly string[] {
  const headers = splitHeaders(printed);
  for (const [index, each] of packages.entries()) {
    const found = headers[index]?.nevra;
    if (found !== nevra(each)) {
      throw new Failure(`cannot use ${each.file}: it is ${found} by its header and ${nevra(each)} by the metadata`);
    }
  }
  return headers.map(({ text }) => text);
}

function requireUnpacked(outcome: Outcome): void {
  if (outcome instanceof CommandFailure) {
    throw new Failure(`cannot unpack packages: ${outcome.complaint}`, { cause: outcome });
  }
}

function explained(error: CommandFailure, packages: readonly RepositoryPackage[]): Failure {
  if (error.notFound) return error;
  const isWithoutPlugin = /No such command/i.test(`${error.stdout}\n${error.stderr}`);
  return new Failure(`cannot download ${packages.map(nevra).join(", ")}: ${dnfComplaint(error)}`, {
    hint: isWithoutPlugin
      ? "dnf 4 needs the package dnf-plugins-core"
      : "check the network and the free space, or fetch newer metadata with --refresh",
    cause: error,
  });
}

function withoutRpm(cause: CommandFailure): Failure {
  return new Failure("cannot take packages apart: rpm's own programs are not there", {
    hint: "rpm, rpmkeys and rpm2archive are in the package rpm, on the host or in the image of --builder",
    cause,
  });
}
