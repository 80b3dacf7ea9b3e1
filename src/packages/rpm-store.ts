import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import { type Command, CommandFailure, type Run, type RunOptions } from "../system/run.ts";
import { type ContentCache, hashFile } from "./cache.ts";
import { type DnfState, dnfComplaint } from "./dnf-state.ts";
import {
  asPackage,
  fileName,
  type HeaderDetails,
  headerFormat,
  nevra,
  parseHeaderDetails,
  preservedPackage,
  type RepositoryPackage,
} from "./rpm.ts";
import { type RepositoryTrust, trustOf, verifySignatures } from "./rpm-signatures.ts";
import type { Package } from "./source.ts";

/** A package file whose signature was checked, taken apart. */
export interface UnpackedRpm {
  readonly from: RepositoryPackage;
  readonly package: Package;
  /** The path of its files as an uncompressed tar. */
  readonly payload: string;
  /** What only its header knows of its files, by absolute path. */
  readonly details: ReadonlyMap<string, HeaderDetails>;
}

/**
 * rpm 4 writes beside the file, rpm 6 to stdout where that is no terminal, and so one at a time. A constant: the loop saves a start of the
 * builder's container for each package.
 */
const unpackEach = 'for file do rpm2archive -n "$file" > "$file.stdout" || exit; done';

export interface RpmStoreOptions {
  readonly state: DnfState;
  readonly cache: ContentCache;
  readonly run: Run;
  readonly log: Log;
}

/** What a configuration of dnf was told of a package file, by its SHA-256: another configuration's repositories are called otherwise. */
export function descriptionKey({ directory }: Pick<DnfState, "directory">, sha256: string): string {
  return createHash("sha256")
    .update([path.basename(directory), sha256].join("\n"))
    .digest("hex");
}

/** The packages that others will lead to, themselves included or not. */
type Ahead = (packages: readonly RepositoryPackage[]) => Promise<readonly RepositoryPackage[]>;

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
      const wanted = [...new Set([...packages, ...(await ahead(packages))])];
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
    const [payload, header] = await Promise.all(
      ["payload", "header"].map((what) => cache.findDerived(this.#keyOf(from), what)),
    );
    if (payload === undefined || header === undefined) return undefined;
    const text = await readFile(header, "utf8");
    const sha256 = text.slice(0, text.indexOf("\n"));
    return { from, package: asPackage(from, sha256), payload, details: parseHeaderDetails(text) };
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
    const [trust] = await Promise.all([
      this.#trustIn(packages.map(({ repository }) => repository)),
      this.#download(packages, scratch.path),
    ]);
    const delivered = new Set(await readdir(scratch.path));
    const lost = packages.find((each) => !delivered.has(fileName(each)));
    if (lost !== undefined) throw new Failure(`cannot find ${fileName(lost)} among what dnf downloaded`);
    await verifySignatures(packages, trust, { directory: scratch.path, run: (...call) => this.#rpmTool(...call), log });
    const files = packages.map((each) => path.join(scratch.path, fileName(each)));
    const headers = await this.#headers(files);
    await this.#unpack(files);
    await Promise.all(packages.map((each, index) => this.#adopt(each, files[index] ?? "", headers[index] ?? "")));
  }

  async #download(packages: readonly RepositoryPackage[], directory: string): Promise<void> {
    try {
      await this.#options.state.dnf("download", `--destdir=${directory}`, ...packages.map(nevra));
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.notFound) throw error;
      const isWithoutPlugin = /No such command/i.test(`${error.stdout}\n${error.stderr}`);
      throw new Failure(`cannot download ${packages.map(nevra).join(", ")}: ${dnfComplaint(error)}`, {
        hint: isWithoutPlugin
          ? "dnf 4 needs the package dnf-plugins-core"
          : "check the network and the free space, or fetch newer metadata with --refresh",
        cause: error,
      });
    }
  }

  /** Asked for the repositories that have not been asked about yet. */
  async #trustIn(repositories: readonly string[]): Promise<ReadonlyMap<string, RepositoryTrust>> {
    const unknown = [...new Set(repositories)].filter((repository) => !this.#trust.has(repository));
    if (unknown.length > 0) {
      this.#trust = new Map([...this.#trust, ...(await trustOf(unknown, this.#options.state))]);
    }
    return this.#trust;
  }

  async #headers(files: readonly string[]): Promise<readonly string[]> {
    const text = await this.#rpmTool(["rpm", "-qp", "--nosignature", "--qf", `>\\n${headerFormat}`, ...files]);
    return text.split(/^>$/m).slice(1);
  }

  /** Writes each package's files as an uncompressed tar beside it, in one call; no scriptlet of a package is run. */
  async #unpack(files: readonly string[]): Promise<void> {
    try {
      await this.#rpmTool(["sh", "-c", unpackEach, "sh", ...files]);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      throw new Failure(`cannot unpack packages: ${error.complaint}`, { cause: error });
    }
  }

  /** Takes payload and header, with the hash of the file, into the cache, and what the repository says of it, for locks. */
  async #adopt(from: RepositoryPackage, file: string, header: string): Promise<void> {
    const { cache, state } = this.#options;
    const sha256 = hashFile(file);
    const written = (await stat(`${file}.tar`).catch(() => undefined)) === undefined ? `${file}.stdout` : `${file}.tar`;
    await cache.adoptDerived(this.#keyOf(from), "payload", written);
    await writeFile(`${file}.header`, `${sha256}\n${header}`);
    await cache.adoptDerived(this.#keyOf(from), "header", `${file}.header`);
    await writeFile(`${file}.described`, preservedPackage(from));
    await cache.adoptDerived(descriptionKey(state, sha256), "described", `${file}.described`);
  }

  async #rpmTool(command: Command, options?: RunOptions): Promise<string> {
    try {
      return await this.#options.run(command, options);
    } catch (error) {
      if (!(error instanceof CommandFailure) || !error.notFound) throw error;
      throw new Failure("cannot take packages apart: rpm's own programs are not there", {
        hint: "rpm, rpmkeys and rpm2archive are in the package rpm, on the host or in the image of --builder",
        cause: error,
      });
    }
  }
}
