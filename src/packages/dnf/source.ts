import { type LockedRelease, lockFor, releaseText } from "../../lock/lock.ts";
import type { Arch } from "../../system/arch.ts";
import { Failure } from "../../system/errors.ts";
import type { Log } from "../../system/log.ts";
import type { Place } from "../../system/place.ts";
import { alternativeLinks, type Offer, readAlternatives } from "../alternatives.ts";
import type { Remember } from "../answers.ts";
import type { ContentCache } from "../cache.ts";
import { type NumberOf, PayloadRoot } from "../payload.ts";
import type { Distribution, Package, PackageSource, Wanted } from "../source.ts";
import { type Accounts, accountsOf } from "./accounts.ts";
import { type DnfCatalog, openDnfCatalog, withLibraries } from "./catalog.ts";
import { lockedCatalog } from "./lock.ts";
import { distributionOf } from "./release.ts";
import type { RepositoryPackage } from "./rpm.ts";
import type { DnfState } from "./state.ts";
import { RpmStore, type UnpackedRpm } from "./store.ts";

export interface DnfOptions {
  readonly arch: Arch;
  /** The packages that the plan names. */
  readonly packages: readonly string[];
  /** Which packages must be exactly which, by release; absent: what dnf would install. */
  readonly lock?: readonly LockedRelease[];
  readonly state: DnfState;
  readonly remember: Remember;
  readonly cache: ContentCache;
  readonly place: Place;
  readonly log: Log;
}

/**
 * Fedora's packages, described, chosen and fetched by dnf in a state of its own: one question about the named packages and one
 * about everything they depend on tell who provides what. Throws Failure.
 */
export async function openDnfSource(options: DnfOptions): Promise<PackageSource> {
  const { packages, state, arch } = options;
  const newest = await openDnfCatalog(options);
  const catalog =
    options.lock === undefined
      ? newest
      : await lockedCatalog(
          newest,
          lockFor(options.lock, releaseText(distributionOf(state.distribution, newest.named, newest.known))).packages,
          options,
        );
  const chosen = packages.map((name) => {
    const found = catalog.named.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new Failure(`cannot find package ${name} for ${arch}: dnf's repositories have none of that name`, {
      hint: "check the name, and which repositories there are with: dnf repolist",
    });
  });
  const source = new DnfSource({
    ...options,
    catalog,
    distribution: distributionOf(state.distribution, chosen, catalog.known),
  });
  try {
    await source.take(chosen);
  } catch (error) {
    source[Symbol.dispose]();
    throw error;
  }
  return source;
}

interface Opened extends DnfOptions {
  readonly catalog: DnfCatalog;
  readonly distribution: Distribution | undefined;
}

class DnfSource implements PackageSource {
  readonly family = "fedora";
  readonly root: PayloadRoot;
  readonly distribution: Distribution | undefined;
  readonly #options: Opened;
  readonly #store: RpmStore;
  readonly #taken = new Map<string, UnpackedRpm>();
  readonly #offers: Offer[] = [];
  #accounts: Accounts | undefined;

  constructor(options: Opened) {
    this.#options = options;
    this.#store = new RpmStore(options);
    this.distribution = options.distribution;
    const numberOf: NumberOf = (kind, name, _inPayload, path) => this.#numberOf(kind, name, path);
    this.root = new PayloadRoot(mergedIn(options.distribution), numberOf);
  }

  get named(): readonly Package[] {
    return this.#options.packages.flatMap((name) => this.#taken.get(name)?.package ?? []);
  }

  async provide(needs: readonly Wanted[]): Promise<boolean> {
    const chosen = new Set<RepositoryPackage>();
    for (const need of needs) for (const found of await this.#choose(need.wanted)) chosen.add(found);
    await this.take([...chosen]);
    return chosen.size > 0;
  }

  /** Adds the packages' payloads to the root, and those of the packages that have the accounts which own their files. */
  async take(packages: readonly RepositoryPackage[]): Promise<void> {
    const fresh = [...new Set(packages)].filter(({ name }) => !this.#taken.has(name));
    if (fresh.length === 0) return;
    const unpacked = await this.#store.unpacked(fresh, (those) => withLibraries(those, this.#options.catalog));
    for (const each of unpacked) {
      this.#taken.set(each.from.name, each);
      this.root.add(each.package, each.payload, each.details);
      this.#offers.push(...readAlternatives(each.scriptlet).map((offer) => ({ ...offer, package: each.package })));
    }
    this.root.makeLinks(alternativeLinks(this.#offers, this.root));
    this.#accounts = undefined;
    await this.take(this.#accountProviders(unpacked));
  }

  [Symbol.dispose](): void {
    this.root[Symbol.dispose]();
  }

  async #choose(wanted: string): Promise<readonly RepositoryPackage[]> {
    const { catalog } = this.#options;
    const providers = catalog.providersOf(wanted, this.#fresh());
    if (providers.length > 0 || !wanted.startsWith("/")) return providers;
    return (await catalog.havingFile(wanted)).filter(({ name }) => !this.#taken.has(name)).slice(0, 1);
  }

  /** Owners whose numbers nobody has told yet, as setup's /etc/group does: packages that provide `user(NAME)` or `group(NAME)`. */
  #accountProviders(unpacked: readonly UnpackedRpm[]): readonly RepositoryPackage[] {
    const accounts = this.#knownAccounts();
    const owners = unpacked.flatMap(({ details }) => [...details.values()]);
    const unknown = new Set([
      ...owners.flatMap(({ userName }) => (accounts.user.has(userName) ? [] : [`user(${userName})`])),
      ...owners.flatMap(({ groupName }) => (accounts.group.has(groupName) ? [] : [`group(${groupName})`])),
    ]);
    if (unknown.size === 0) return [];
    return this.#fresh().filter(({ provides }) =>
      [...provides].some((each) => unknown.has(each.replace(/ = .*$/, ""))),
    );
  }

  #fresh(): readonly RepositoryPackage[] {
    return this.#options.catalog.known.filter(({ name }) => !this.#taken.has(name));
  }

  #knownAccounts(): Accounts {
    this.#accounts ??= accountsOf(this.#options.catalog.known, this.root);
    return this.#accounts;
  }

  #numberOf(kind: "user" | "group", name: string, path: string): number {
    const number = this.#knownAccounts()[kind].get(name);
    if (number !== undefined) return number;
    throw new Failure(`cannot tell the number of the ${kind} ${name}, who owns ${path}`, {
      hint: "no package gives it a fixed number; give the file or directory its owner in the recipe",
    });
  }
}

/** Which directories are links into others: <https://fedoraproject.org/wiki/Changes/Unify_bin_and_sbin> since Fedora 42. */
function mergedIn(distribution: Distribution | undefined) {
  const usr = ["bin", "sbin", "lib", "lib64"].map((name) => ({ path: `/${name}`, into: `/usr/${name}` }));
  // Rawhide has no number, and is merged.
  const isMerged = distribution?.id === "fedora" && !(Number(distribution.version) < 42);
  return isMerged ? [{ path: "/usr/sbin", into: "/usr/bin" }, ...usr] : usr;
}
