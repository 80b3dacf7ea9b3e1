import { readdir } from "node:fs/promises";
import path from "node:path";
import { type LockedRelease, lockFor, releaseText } from "../../lock/lock.ts";
import { type Arch, arches } from "../../system/arch.ts";
import { Failure } from "../../system/errors.ts";
import type { Log } from "../../system/log.ts";
import { didYouMean } from "../../system/nearest.ts";
import { CommandFailure, type Run } from "../../system/run.ts";
import { alternativeLinks, type Offer, readAlternatives } from "../alternatives.ts";
import type { Remember } from "../answers.ts";
import { type ContentCache, requireSpace } from "../cache.ts";
import { PayloadRoot } from "../payload.ts";
import type { Distribution, Package, PackageSource, Wanted } from "../source.ts";
import { unpackPackage } from "../unpack.ts";
import { AptCatalog } from "./catalog.ts";
import { type Choice, choosePackage } from "./choice.ts";
import { builtInOf, conventionalNames, libcPackage, type Stanza, sourceOf, upstreamVersion } from "./control.ts";
import { declaredLicenses } from "./copyright.ts";
import { readPostinst } from "./deb.ts";
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

  async provide(wanted: readonly Wanted[]): Promise<boolean> {
    // Asked about in one go: every question starts a program.
    await this.#catalog.find(wanted.flatMap((each) => conventionalNames(each.wanted)));
    const choices: Choice[] = [];
    for (const each of wanted) choices.push(...(await this.#choose(each)));
    // A guess may have become needless once the packages that are sure have been looked into.
    const sure = choices.filter(({ conventional }) => conventional);
    const chosen = new Set((sure.length > 0 ? sure : choices).map(({ stanza }) => stanza));
    await this.#take([...chosen]);
    return chosen.size > 0;
  }

  packageOf(wanted: string): Package | undefined {
    return this.root.packageOf(wanted);
  }

  ownershipOf(wanted: string) {
    return this.root.ownershipOf(wanted);
  }

  alternativeOf(wanted: string) {
    return this.root.madeLinkAt(wanted)?.alternative;
  }

  originOf(from: Package): string {
    return this.#catalog.known([from.name])[0]?.filename ?? "";
  }

  licensesOf(from: Package): readonly string[] {
    return declaredLicenses(this.root, from.name);
  }

  modifiedOf(wanted: string): number {
    return this.root.modifiedOf(wanted);
  }

  [Symbol.dispose](): void {
    this.root[Symbol.dispose]();
  }

  #choose(wanted: Wanted): Promise<readonly Choice[]> {
    const requesters = wanted.requiredBy.flatMap((file) => this.packageOf(file)?.name ?? []);
    return choosePackage(wanted, {
      catalog: this.#catalog,
      requesters: this.#catalog.known(requesters.length === 0 ? this.#options.packages : requesters),
      isTaken: (stanza) => this.#taken.has(stanza.package ?? ""),
    });
  }

  /** Fetches what is not in the cache yet and adds each package's files to the root. */
  async #take(stanzas: readonly Stanza[]): Promise<void> {
    const packages = stanzas.map(packageOf).filter(({ name }) => !this.#taken.has(name));
    const { cache } = this.#options;
    const files = await Promise.all(packages.map(({ sha256 }) => cache.find(sha256)));
    const missing = packages.filter((_, index) => files[index] === undefined);
    if (missing.length > 0) await this.#download(missing);
    // Gone again when the root has them open. A copy that is kept would have to be checked as the package itself is.
    await using scratch = await cache.scratchDirectory();
    const unpacked = await Promise.all(
      packages.map(async (each, index) => {
        const tar = path.join(scratch.path, `${each.sha256}.tar`);
        const script = await this.#unpack(each, files[index] ?? (await cache.find(each.sha256)), tar);
        return { tar, script };
      }),
    );
    for (const [index, each] of packages.entries()) {
      this.#taken.set(each.name, each);
      const { tar = "", script = "" } = unpacked[index] ?? {};
      this.root.add(each, tar);
      this.#offers.push(...readAlternatives(script).map((alternative) => ({ ...alternative, package: each })));
    }
    this.root.makeLinks(alternativeLinks(this.#offers, this.root));
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

  /** Writes the package's files to `tar`; the text of its postinst. */
  async #unpack({ name, version }: Package, file: string | undefined, tar: string): Promise<string> {
    const whole = `${name} ${version}`;
    if (file === undefined) throw new Failure(`cannot find package ${whole} in the cache`);
    const { run } = this.#options;
    const [script] = await Promise.all([
      readPostinst(whole, file, `${tar}.control`, run),
      unpackPackage(whole, file, tar, run),
    ]);
    return script;
  }
}

function packageOf(stanza: Stanza): Package {
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
  };
}
