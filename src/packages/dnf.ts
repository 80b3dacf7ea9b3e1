import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Arch, arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import type { ContentCache } from "./cache.ts";
import { type DnfState, dnfComplaint } from "./dnf-state.ts";
import { PayloadRoot } from "./payload.ts";
import {
  accountsOf,
  asPackage,
  fileName,
  headerFormat,
  libraryProvide,
  nevra,
  parseHeaderDetails,
  parseRepositoryPackages,
  queryFormat,
  type RepositoryPackage,
} from "./rpm.ts";
import { type RepositoryTrust, trustOf, verifySignatures } from "./rpm-signatures.ts";
import type { Distribution, Package, PackageSource, Wanted } from "./source.ts";

export interface DnfOptions {
  readonly arch: Arch;
  /** The packages that the plan names. */
  readonly packages: readonly string[];
  readonly state: DnfState;
  readonly cache: ContentCache;
  readonly run: Run;
  readonly log: Log;
}

/**
 * Fedora's packages, described, chosen and fetched by dnf in a state of its own: one question about the named packages and one
 * about everything they depend on tell who provides what. Throws Failure.
 */
export async function openDnfSource(options: DnfOptions): Promise<PackageSource> {
  const source = new DnfSource(options);
  await source.open();
  return source;
}

class DnfSource implements PackageSource {
  readonly family = "fedora";
  readonly root: PayloadRoot;
  readonly distribution: Distribution;
  readonly #options: DnfOptions;
  readonly #taken = new Map<string, { readonly package: Package; readonly from: RepositoryPackage }>();
  /** The named packages and everything that they depend on, every provider of it. */
  #known: readonly RepositoryPackage[] = [];
  /** Files of the packages that dnf's solver would install; asked for once, where several packages provide one thing. */
  #solved: Promise<ReadonlySet<string>> | undefined;
  #trust: Promise<ReadonlyMap<string, RepositoryTrust>> | undefined;

  constructor(options: DnfOptions) {
    this.#options = options;
    this.distribution = options.state.distribution;
    this.root = new PayloadRoot(mergedSince(Number(this.distribution.version)), (kind, name) =>
      this.#numberOf(kind, name),
    );
  }

  get named(): readonly Package[] {
    return this.#options.packages.flatMap((name) => this.#taken.get(name)?.package ?? []);
  }

  async open(): Promise<void> {
    const { packages, state } = this.#options;
    const recursive = state.generation === 5 ? ["--providers-of=requires"] : ["--requires", "--resolve"];
    const [named, below] = await Promise.all([
      this.#query("--latest-limit=1", ...packages),
      this.#query(...recursive, "--recursive", "--latest-limit=1", ...packages),
    ]);
    this.#known = [...new Map([...named, ...below].map((each) => [nevra(each), each])).values()];
    await this.#take(
      packages.map((name) => {
        const found = named.find((each) => each.name === name);
        if (found !== undefined) return found;
        throw new Failure(
          `cannot find package ${name} for ${this.#options.arch}: dnf's repositories have none of that name`,
          {
            hint: "check the name, and which repositories there are with: dnf repolist",
          },
        );
      }),
    );
  }

  async provide(wanted: readonly Wanted[]): Promise<boolean> {
    const chosen = new Set<RepositoryPackage>();
    for (const each of wanted) for (const found of await this.#choose(each.wanted)) chosen.add(found);
    await this.#take([...chosen]);
    return chosen.size > 0;
  }

  packageOf(wanted: string): Package | undefined {
    return this.root.packageOf(wanted);
  }

  ownershipOf(wanted: string) {
    return this.root.ownershipOf(wanted);
  }

  licensesOf(from: Package): readonly string[] {
    const license = this.#taken.get(from.name)?.from.license;
    return license ? [license] : [];
  }

  modifiedOf(wanted: string): number {
    return this.root.modifiedOf(wanted);
  }

  [Symbol.dispose](): void {
    this.root[Symbol.dispose]();
  }

  /** The provider of a library; of several the one that dnf's own solver would install. */
  async #choose(wanted: string): Promise<readonly RepositoryPackage[]> {
    const provide = libraryProvide(wanted);
    const providers = this.#known.filter(({ name, provides }) => provides.has(provide) && !this.#taken.has(name));
    if (providers.length === 0 && wanted.startsWith("/")) return this.#fileProviders(wanted);
    if (providers.length < 2) return providers;
    this.#solved ??= this.#solve();
    const solved = await this.#solved;
    return [providers.find((each) => solved.has(fileName(each))) ?? providers[0]].filter((each) => each !== undefined);
  }

  async #fileProviders(wanted: string): Promise<readonly RepositoryPackage[]> {
    const providers = await this.#query("--latest-limit=1", `--file=${wanted}`);
    return providers.filter(({ name }) => !this.#taken.has(name)).slice(0, 1);
  }

  async #solve(): Promise<ReadonlySet<string>> {
    const { packages, state } = this.#options;
    const urls = await this.#ask(() => state.dnf("download", "--resolve", "--alldeps", "--url", ...packages));
    return new Set(urls.split("\n").map((url) => path.posix.basename(url.trim())));
  }

  async #query(...query: readonly string[]): Promise<readonly RepositoryPackage[]> {
    const { state, arch } = this.#options;
    const only = `--arch=${arches[arch].rpm},noarch`;
    return parseRepositoryPackages(await this.#ask(() => state.dnf("repoquery", "--qf", queryFormat, only, ...query)));
  }

  async #ask(question: () => Promise<string>): Promise<string> {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.notFound) throw error;
      throw new Failure(`cannot ask dnf about ${this.#options.packages.join(", ")}: ${dnfComplaint(error)}`, {
        hint: "check the repositories with dnf repolist, or fetch newer metadata with --refresh",
        cause: error,
      });
    }
  }

  /** Fetches what is not in the cache yet and adds each payload to the root. */
  async #take(packages: readonly RepositoryPackage[]): Promise<void> {
    const fresh = [...new Set(packages)].filter(({ name }) => !this.#taken.has(name));
    const cached = await Promise.all(fresh.map((each) => this.#cached(each)));
    const missing = fresh.filter((_, index) => cached[index] === undefined);
    if (missing.length > 0) await this.#download(missing);
    for (const [index, each] of fresh.entries()) {
      const files = cached[index] ?? (await this.#cached(each));
      if (files === undefined) throw new Failure(`cannot find package ${nevra(each)} in the cache`);
      const described = asPackage(each, path.basename(files.file));
      this.#taken.set(each.name, { package: described, from: each });
      this.root.add(described, files.payload, parseHeaderDetails(await readFile(files.header, "utf8")));
    }
  }

  async #cached(from: RepositoryPackage) {
    const { cache } = this.#options;
    const [file, payload, header] = await Promise.all(
      ["rpm", "payload", "header"].map((what) => cache.findDerived(keyOf(from), what)),
    );
    return file === undefined || payload === undefined || header === undefined ? undefined : { file, payload, header };
  }

  async #download(packages: readonly RepositoryPackage[]): Promise<void> {
    const { cache, log, run, state } = this.#options;
    await using scratch = await cache.scratchDirectory();
    log.info(`downloading ${packages.map(nevra).join(" ")}`);
    await this.#ask(() => state.dnf("download", `--destdir=${scratch.path}`, ...packages.map(nevra)));
    const delivered = new Set(await readdir(scratch.path));
    const lost = packages.find((each) => !delivered.has(fileName(each)));
    if (lost !== undefined) throw new Failure(`cannot find ${fileName(lost)} among what dnf downloaded`);
    this.#trust ??= trustOf([...new Set(this.#known.map(({ repository }) => repository))], state);
    await verifySignatures(packages, await this.#trust, { directory: scratch.path, run, log });
    const files = packages.map((each) => path.join(scratch.path, fileName(each)));
    const headers = await this.#headers(files);
    await Promise.all(packages.map((each, index) => this.#unpack(each, files[index] ?? "", headers[index] ?? "")));
  }

  /** What only the packages' headers know of their files, in the order of the packages. */
  async #headers(files: readonly string[]): Promise<readonly string[]> {
    const { run } = this.#options;
    const text = await run(["rpm", "-qp", "--nosignature", "--qf", `>\\n${headerFormat}`, ...files]);
    return text.split(/^>$/m).slice(1);
  }

  /** The package's files as an uncompressed tar; no scriptlet of the package is run. */
  async #unpack(from: RepositoryPackage, file: string, header: string): Promise<void> {
    const { cache, run } = this.#options;
    try {
      // rpm 4 writes beside the file, rpm 6 to stdout where that is no terminal.
      await run(["rpm2archive", "-n", file], { stdoutFile: `${file}.stdout` });
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.notFound) throw error;
      throw new Failure(`cannot unpack package ${nevra(from)}: ${error.complaint}`, { cause: error });
    }
    const written = (await stat(`${file}.tar`).catch(() => undefined)) === undefined ? `${file}.stdout` : `${file}.tar`;
    await cache.adoptDerived(keyOf(from), "payload", written);
    await writeFile(`${file}.header`, header);
    await cache.adoptDerived(keyOf(from), "header", `${file}.header`);
    await cache.adoptDerived(keyOf(from), "rpm", file);
  }

  #numberOf(kind: "user" | "group", name: string): number {
    const number = accountsOf(this.#known)[kind].get(name);
    if (number !== undefined) return number;
    throw new Failure(`cannot tell the number of the ${kind} ${name}, who owns a file of the packages`, {
      hint: "no package gives it a fixed number; give the file or directory its owner in the recipe",
    });
  }
}

/** A package and version in one repository; what is cached under it is checked by its own hash. */
function keyOf(from: RepositoryPackage): string {
  return createHash("sha256")
    .update([from.repository, nevra(from), from.size].join("\n"))
    .digest("hex");
}

/** Which directories are links into others: <https://fedoraproject.org/wiki/Changes/Unify_bin_and_sbin> since Fedora 42. */
function mergedSince(release: number) {
  const usr = ["bin", "sbin", "lib", "lib64"].map((name) => ({ path: `/${name}`, into: `/usr/${name}` }));
  return release < 42 ? usr : [{ path: "/usr/sbin", into: "/usr/bin" }, ...usr];
}
