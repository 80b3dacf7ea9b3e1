import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type LockedRelease, lockFor, releaseText } from "../../lock/lock.ts";
import { type Arch, arches } from "../../system/arch.ts";
import { Failure } from "../../system/errors.ts";
import type { Log } from "../../system/log.ts";
import { didYouMean } from "../../system/nearest.ts";
import type { Root } from "../../system/root.ts";
import { CommandFailure, type Run } from "../../system/run.ts";
import { alternativeLinks, type Offer, readAlternatives } from "../alternatives.ts";
import type { Remember } from "../answers.ts";
import { type ContentCache, requireSpace } from "../cache.ts";
import { PayloadRoot } from "../payload.ts";
import type { Distribution, Package, PackageSource, Wanted } from "../source.ts";
import { readPostinst, unpackPackage } from "../unpack.ts";
import { AptCatalog } from "./catalog.ts";
import { type Choice, choosePackage } from "./choice.ts";
import { builtInOf, conventionalNames, libcPackage, type Stanza, sourceOf, upstreamVersion } from "./control.ts";
import { declaredLicenses } from "./copyright.ts";
import { lockedStanzas } from "./lock.ts";
import { type AptState, firstComplaint } from "./state.ts";

/** Debian has merged these since 12 (DEP 17); packages of that time still carry the old names. */
const merged = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"].map((name) => ({
  path: `/${name}`,
  into: `/usr/${name}`,
}));

export interface AptOptions {
  readonly arch: Arch;
  /** The packages that the plan names. */
  readonly packages: readonly string[];
  /** Which packages must be exactly which, by release; absent: what apt would install. */
  readonly lock?: readonly LockedRelease[];
  readonly state: AptState;
  readonly remember: Remember;
  readonly cache: ContentCache;
  readonly run: Run;
  readonly log: Log;
}

/**
 * Debian's packages, chosen and fetched by apt itself in a state of its own. A file is looked for along the dependencies of the
 * package that needs it, so that nothing is fetched but what the files need. Throws Failure.
 */
export async function openAptSource(options: AptOptions): Promise<PackageSource> {
  const source = new AptSource(options);
  try {
    await source.open();
  } catch (error) {
    source[Symbol.dispose]();
    throw error;
  }
  return source;
}

/** A package whose files can be read. */
interface UnpackedDeb {
  readonly from: Package;
  /** The path of its files as an uncompressed tar. */
  readonly payload: string;
  /** The text of its postinst, empty if it has none. */
  readonly script: string;
}

class AptSource implements PackageSource {
  readonly family = "debian";
  readonly root = new PayloadRoot(merged);
  readonly #options: AptOptions;
  readonly #catalog: AptCatalog;
  readonly #taken = new Map<string, Package>();
  readonly #offers: Offer[] = [];
  distribution: Distribution | undefined;

  constructor(options: AptOptions) {
    this.#options = options;
    this.#catalog = new AptCatalog(options);
  }

  get named(): readonly Package[] {
    return this.#options.packages.flatMap((name) => this.#taken.get(name) ?? []);
  }

  async open(): Promise<void> {
    const [first = ""] = this.#options.packages;
    const { lock } = this.#options;
    const release = this.#releaseOf(first);
    if (lock !== undefined) await this.#fix(lock, await release);
    [this.distribution] = await Promise.all([release, this.#takeNamed()]);
  }

  /** An archive that has forgotten the package itself still has the C library. */
  async #releaseOf(name: string): Promise<Distribution | undefined> {
    return (await this.#catalog.releaseOf(name)) ?? (await this.#catalog.releaseOf(libcPackage));
  }

  async #fix(lock: readonly LockedRelease[], distribution: Distribution | undefined): Promise<void> {
    const { packages } = lockFor(lock, releaseText(distribution));
    const shown = await this.#catalog.everyVersion(packages.map(({ name }) => name));
    this.#catalog.fix(await lockedStanzas(packages, { ...this.#options, shown }));
  }

  async #takeNamed(): Promise<void> {
    const { packages, arch } = this.#options;
    const stanzas = await this.#catalog.find(packages);
    const unknown = packages.find((_, index) => stanzas[index] === undefined);
    if (unknown !== undefined) {
      throw new Failure(`cannot find package ${unknown} for ${arch}: the apt sources have none of that name`, {
        hint: `${didYouMean(unknown, await this.#catalog.names())}check the name, and that the apt sources are not limited to other architectures than ${arches[arch].debian}`,
      });
    }
    const named = stanzas.filter((stanza) => stanza !== undefined);
    const dependencies = await this.#catalog.dependenciesOf(named);
    // Whatever else a dynamic program needs, it needs the C library: one download instead of two.
    await this.#take([...named, ...dependencies.filter((stanza) => stanza.package === libcPackage)]);
  }

  async provide(needs: readonly Wanted[]): Promise<boolean> {
    // Asked about in one go: every question starts a program.
    await this.#catalog.find(needs.flatMap((need) => conventionalNames(need.wanted)));
    const choices: Choice[] = [];
    for (const need of needs) choices.push(...(await this.#choose(need)));
    // A guess may have become needless once the packages that are sure have been looked into.
    const sure = choices.filter(({ conventional }) => conventional);
    const chosen = new Set((sure.length > 0 ? sure : choices).map(({ stanza }) => stanza));
    await this.#take([...chosen]);
    return chosen.size > 0;
  }

  [Symbol.dispose](): void {
    this.root[Symbol.dispose]();
  }

  #choose(need: Wanted): Promise<readonly Choice[]> {
    const requesters = need.requiredBy.flatMap((file) => this.root.describe(file).package?.name ?? []);
    return choosePackage(need, {
      catalog: this.#catalog,
      requesters: this.#catalog.known(requesters.length === 0 ? this.#options.packages : requesters),
      isTaken: (stanza) => this.#taken.has(stanza.package ?? ""),
    });
  }

  /** Fetches the packages that are not in the cache yet, and adds the files of all of them to the root. */
  async #take(stanzas: readonly Stanza[]): Promise<void> {
    // The same package may be among them twice.
    const byName = new Map(stanzas.map((stanza) => [stanza.package, packageOf(stanza, this.root)]));
    const packages = [...byName.values()].filter(({ name }) => !this.#taken.has(name));
    const unpacked = await this.#unpacked(packages);
    for (const { from, payload, script } of unpacked) {
      this.#taken.set(from.name, from);
      this.root.add(from, payload);
      this.#offers.push(...readAlternatives(script).map((alternative) => ({ ...alternative, package: from })));
    }
    this.root.makeLinks(alternativeLinks(this.#offers, this.root));
  }

  /** The packages in the same order. A package that was unpacked before is not decompressed again, and its file may be gone. */
  async #unpacked(packages: readonly Package[]): Promise<readonly UnpackedDeb[]> {
    const { cache } = this.#options;
    const known = await Promise.all(packages.map((from) => this.#cached(from)));
    const compressed = packages.filter((_, index) => known[index] === undefined);
    const files = await Promise.all(compressed.map(({ sha256 }) => cache.find(sha256)));
    const missing = compressed.filter((_, index) => files[index] === undefined);
    if (missing.length > 0) await this.#download(missing);
    await using scratch = await cache.scratchDirectory();
    return await Promise.all(
      packages.map(async (from, index) => known[index] ?? (await this.#unpack(from, scratch.path))),
    );
  }

  async #cached(from: Package): Promise<UnpackedDeb | undefined> {
    const { cache } = this.#options;
    const [payload, postinst] = await Promise.all(
      ["payload", "postinst"].map((what) => cache.findDerived(from.sha256, what)),
    );
    if (payload === undefined || postinst === undefined) return undefined;
    return { from, payload, script: await readFile(postinst, "utf8") };
  }

  async #download(packages: readonly Package[]): Promise<void> {
    const { cache, log } = this.#options;
    await using scratch = await cache.scratchDirectory();
    const names = packages.map((each) => `${each.name}=${each.version}`);
    const bytes = packages.reduce((sum, { size }) => sum + size, 0);
    await requireSpace(scratch.path, bytes, `download ${names.join(", ")}`);
    log.info(`downloading ${names.join(" ")}`);
    try {
      await this.#catalog.apt(["apt-get", "download", "-q", "--", ...names], scratch.path);
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.notFound) throw error;
      throw new Failure(`cannot download ${names.join(", ")}: ${firstComplaint(error.stderr)}`, {
        hint: "check the network and the free space, or fetch newer package lists with --refresh",
        cause: error,
      });
    }
    const files = (await readdir(scratch.path)).filter((name) => name.endsWith(".deb"));
    const adopted = await Promise.all(files.map((name) => cache.adopt(path.join(scratch.path, name))));
    const lost = packages.find((each) => !adopted.some(({ sha256 }) => sha256 === each.sha256));
    if (lost === undefined) return;
    throw new Failure(
      `cannot use package ${lost.name} ${lost.version}: apt delivered a file with another SHA-256 than its index says`,
    );
  }

  /** Takes the package's files and the text of its postinst into the cache. */
  async #unpack(from: Package, directory: string): Promise<UnpackedDeb> {
    const { cache, run } = this.#options;
    const whole = `${from.name} ${from.version}`;
    const file = await cache.find(from.sha256);
    if (file === undefined) throw new Failure(`cannot find package ${whole} in the cache`);
    const tar = path.join(directory, `${from.sha256}.tar`);
    const [script] = await Promise.all([
      readPostinst(whole, file, `${tar}.control`, run),
      unpackPackage(whole, file, tar, run),
    ]);
    await writeFile(`${tar}.postinst`, script);
    await cache.adoptDerived(from.sha256, "postinst", `${tar}.postinst`);
    return { from, payload: await cache.adoptDerived(from.sha256, "payload", tar), script };
  }
}

function packageOf(stanza: Stanza, root: Root): Package {
  const { package: name = "", version = "", architecture: arch = "", sha256 = "", size = "" } = stanza;
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new Failure(`cannot use package ${name} ${version}: its index has no SHA-256 for it`);
  const builtIn = builtInOf(stanza);
  return {
    name,
    version,
    upstreamVersion: upstreamVersion(version),
    arch,
    source: sourceOf(stanza),
    ...(builtIn === undefined ? {} : { builtIn }),
    sha256,
    size: Number(size),
    archivePath: stanza.filename ?? "",
    // Read when it is asked for, because the copyright file may be a link into a package that is taken later.
    get licenses() {
      return declaredLicenses(root, name);
    },
  };
}
