import path from "node:path";
import type { Run } from "../../system/run.ts";
import { CommandFailure } from "../../system/run.ts";
import type { Remember } from "../answers.ts";
import type { Distribution } from "../source.ts";
import { parseCandidates, parseDependencies, parseStanzas, type Stanza } from "./control.ts";
import { parseRelease } from "./release.ts";
import type { AptState } from "./state.ts";

/** On one command line, which takes up to 2 MiB in all (execve(2)). */
const mostNames = 5000;

/** What apt knows about packages: each is asked about once. */
export class AptCatalog {
  readonly #state: AptState;
  readonly #run: Run;
  readonly #remember: Remember;
  /** What apt would install, by package name; undefined for names that nothing provides. */
  readonly #stanzas = new Map<string, Stanza | undefined>();

  constructor({ state, run, remember }: { readonly state: AptState; readonly run: Run; readonly remember: Remember }) {
    this.#state = state;
    this.#run = run;
    this.#remember = remember;
  }

  /** Takes these in place of what apt would install. */
  fix(stanzas: ReadonlyMap<string, Stanza>): void {
    for (const [name, stanza] of stanzas) this.#stanzas.set(name, stanza);
  }

  /** What the lists say of every version of these packages, of each package the candidate first. */
  async everyVersion(names: readonly string[]): Promise<readonly Stanza[]> {
    return parseStanzas(await this.#aptCache("show", names));
  }

  /** The candidate of each package; undefined where apt has none. */
  async find(names: readonly string[]): Promise<readonly (Stanza | undefined)[]> {
    await this.#learn(names);
    return names.map((name) => this.#stanzas.get(name));
  }

  /** Of all packages, sorted. */
  async names(): Promise<readonly string[]> {
    return (await this.#aptCache("pkgnames", [])).split("\n").sort();
  }

  /** The candidates of those names that were asked about already. */
  known(names: readonly string[]): readonly Stanza[] {
    return [...new Set(names.map((name) => this.#stanzas.get(name)))].filter((stanza) => stanza !== undefined);
  }

  /** For each need the first alternative that there is; one that only other packages provide, where there is no other. */
  async dependenciesOf(stanzas: readonly Stanza[]): Promise<readonly Stanza[]> {
    const needs = stanzas.flatMap(parseDependencies);
    await this.#learn(needs.flat());
    const unmet = needs.filter((alternatives) => this.known(alternatives).length === 0);
    await this.#learnProviders(unmet.flat());
    return [...new Set(needs.flatMap((alternatives) => this.known(alternatives).slice(0, 1)))];
  }

  /** The candidates of the packages that every system has (Debian Policy 3.8); apt-patterns(7). */
  async essential(): Promise<readonly Stanza[]> {
    const shown = parseStanzas(await this.#aptCache("show", ["?essential"]));
    const found = await this.find([...new Set(shown.map((stanza) => stanza.package ?? ""))]);
    return found.filter((stanza) => stanza !== undefined);
  }

  /** Asks apt about packages that were not asked about before. */
  async #learn(names: readonly string[]): Promise<void> {
    const unknown = [...new Set(names)].filter((name) => !this.#stanzas.has(name));
    for (let start = 0; start < unknown.length; start += mostNames) {
      const some = unknown.slice(start, start + mostNames);
      const found = await this.#candidates(some);
      for (const name of some) this.#stanzas.set(name, found.get(name));
    }
  }

  async #learnProviders(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const providers = await this.#providersOf(names);
    await this.#learn([...providers.values()]);
    for (const [name, provider] of providers) this.#stanzas.set(name, this.#stanzas.get(provider));
  }

  async #candidates(names: readonly string[]): Promise<ReadonlyMap<string, Stanza>> {
    if (names.length === 0) return new Map();
    const [shown, policy] = await Promise.all([this.#aptCache("show", names), this.#aptCache("policy", names)]);
    const candidates = parseCandidates(policy);
    const stanzas = parseStanzas(shown).filter((stanza) => candidates.get(stanza.package ?? "") === stanza.version);
    return new Map(stanzas.reverse().map((stanza) => [stanza.package ?? "", stanza]));
  }

  /** For each virtual package the first real one that provides it (the reverse provides of `apt-cache showpkg`). */
  async #providersOf(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const text = await this.#aptCache("showpkg", names);
    const sections = text.split(/^Package: /m).slice(1);
    return new Map(
      sections.flatMap((section) => {
        const provider = /^Reverse Provides: *\n(\S+) /m.exec(section)?.[1];
        return provider === undefined ? [] : [[section.split("\n")[0]?.trim() ?? "", provider]];
      }),
    );
  }

  async #aptCache(verb: string, names: readonly string[]): Promise<string> {
    const command = ["apt-cache", verb, "--", ...names];
    try {
      const [answer = ""] = await this.#remember([command], async () => [await this.apt(command)]);
      return answer;
    } catch (error) {
      if (error instanceof CommandFailure && error.exitCode === 100 && /No packages found/.test(error.stderr))
        return "";
      throw error;
    }
  }

  /** The release that a package comes from. */
  async releaseOf(name: string): Promise<Distribution | undefined> {
    return parseRelease(...(await Promise.all([this.#aptCache("policy", [name]), this.#aptCache("policy", [])])));
  }

  /** Shares the state's lock with other readers, so that no refresh changes the lists under a running command. */
  apt(command: readonly string[], cwd?: string): Promise<string> {
    const { config, directory } = this.#state;
    const locked = ["--no-fork", "--shared", path.join(directory, "update.lock"), ...command];
    return this.#run(["flock", ...locked], { env: { APT_CONFIG: config }, ...(cwd === undefined ? {} : { cwd }) });
  }
}
