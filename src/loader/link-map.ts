import path from "node:path";
import type { ElfImage } from "../elf/read.ts";
import { unwinderNotes } from "../elf/symbols.ts";
import { unionOfLinks } from "../system/root.ts";
import type { Closure, ClosureFile, ClosureOptions, DlopenDecision, MissingFile } from "./closure.ts";
import { asLoaded, type Loaded } from "./loaded.ts";
import {
  expandDynamicStringTokens,
  type FoundBy,
  type Match,
  type Rule,
  type SearchContext,
  search,
} from "./search.ts";

/** Names that musl answers with itself, whatever stands behind the dot. */
const muslOwn = /^lib(?:c|pthread|rt|m|dl|util|xnet)\./;

export type LoadOutcome = Pick<Closure, "files" | "missing" | "dlopen" | "warnings">;

export interface Asking {
  /** Instead of the rule of the search. */
  readonly rule?: Rule;
  /** The loader goes on without it. */
  readonly optional?: boolean;
}

type Growing<T extends { readonly requiredBy: readonly string[] }> = Omit<T, "requiredBy"> & {
  readonly requiredBy: Set<string>;
};
type Broken = { readonly path: string; readonly because: string };

/** What the loader holds in memory while it loads one program, and why. */
export class LinkMap {
  readonly #around: SearchContext;
  readonly #byName = new Map<string, Loaded>();
  readonly #byPath = new Map<string, Loaded>();
  /** Loaded, but what they need is not yet. */
  readonly #queue: Loaded[] = [];
  readonly #files = new Map<string, Growing<ClosureFile>>();
  readonly #missing = new Map<string, Growing<MissingFile>>();
  readonly #dlopen: DlopenDecision[] = [];
  readonly #warnings = new Set<string>();
  #unwinding = false;
  /** The loader itself: in every process, though only some programs name it. */
  #loader: { readonly loaded: Loaded; readonly match: Match } | undefined;

  constructor(around: SearchContext) {
    this.#around = around;
    const { main } = around;
    const { soname } = main.image.file;
    this.#know(main, [main.path, ...(soname === undefined ? [] : [soname])]);
  }

  /** `named` says that the program names it itself (PT_INTERP). */
  addInterpreter(interpreter: string, named: boolean): void {
    const { view, main } = this.#around;
    const place = view.locate(interpreter);
    const examined = place === undefined ? undefined : view.examine(place);
    if (place?.path === main.path) return;
    if (place === undefined || examined === undefined || "broken" in examined) {
      const broken =
        examined !== undefined && "broken" in examined ? { path: interpreter, because: examined.broken } : undefined;
      if (named) this.#lack(interpreter, main, {}, broken);
      return;
    }
    const { image } = examined;
    const match: Match = { place, openedAs: interpreter, image, foundBy: "interpreter" };
    const loaded = asLoaded(place.path, interpreter, image, main);
    this.#loader = { loaded, match };
    this.#know(loaded, [interpreter, place.path, image.file.soname ?? path.posix.basename(interpreter)]);
    if (named) this.#record(match, main, "interpreter");
  }

  /** Loads one name for `requester`, not yet what that needs. undefined where it is missing. */
  load(asked: string, requester: Loaded, asking: Asking = {}): Loaded | undefined {
    const name = expandDynamicStringTokens(asked, requester.origin, this.#around.loader);
    const known = this.#inMemory(name);
    if (known !== undefined) {
      if (known === this.#loader?.loaded) this.#record(this.#loader.match, requester, "interpreter");
      else addRequirer(this.#files.get(known.path), requester);
      return known;
    }
    const { match, broken, variants } = search(name, requester, this.#around);
    if (match === undefined) {
      this.#lack(name, requester, asking, broken);
      return undefined;
    }
    const loaded = this.#accept(match, [name], requester, asking.rule ?? match.foundBy);
    for (const variant of variants) this.#addVariant(variant, requester);
    return loaded;
  }

  /** Breadth-first, what the loaded files need, until nothing is open. */
  settle(): void {
    // The list grows while it is walked.
    for (const loaded of this.#queue) {
      for (const { kind, name } of loaded.image.file.dependencies) {
        if (kind === "needed") this.load(name, loaded);
        else this.load(name, loaded, { rule: kind, optional: kind === "auxiliary" });
      }
    }
    this.#queue.length = 0;
  }

  /** Decides about libgcc_s as if each file that imports such a function had a note that asks for it. */
  addThreadUnwinder(): void {
    this.#unwinding = true;
  }

  /** Loads what the notes of the loaded files ask for, and what that needs and asks for in turn. */
  followNotes(wanted: NonNullable<ClosureOptions["wantsDlopen"]>): void {
    // The map grows while it is walked, and the walk sees what was added.
    for (const loaded of this.#byPath.values()) {
      const ofGlibc = this.#unwinding ? unwinderNotes(loaded.image) : [];
      for (const { sonames, feature, priority } of [...loaded.image.file.dlopenNotes, ...ofGlibc]) {
        const decision = { requester: loaded.path, sonames, ...(feature === undefined ? {} : { feature }), priority };
        const isWanted = wanted(feature, priority, loaded.path);
        const answer = isWanted ? this.#firstOf(sonames, loaded, priority === "required") : undefined;
        if (answer !== undefined) this.#dlopen.push({ ...decision, outcome: "found", path: answer.path });
        else this.#dlopen.push({ ...decision, outcome: isWanted ? "absent" : "out" });
      }
      this.settle();
    }
  }

  /** The images of everything in memory, the program's first. */
  images(): readonly ElfImage[] {
    return [...this.#byPath.values()].map(({ image }) => image);
  }

  outcome(): LoadOutcome {
    return {
      files: [...this.#files.values()].map(inOrder),
      missing: [...this.#missing.values()].map(inOrder),
      dlopen: this.#dlopen,
      warnings: [...this.#warnings],
    };
  }

  #know(loaded: Loaded, names: readonly string[]): void {
    if (!this.#byPath.has(loaded.path)) {
      this.#byPath.set(loaded.path, loaded);
      this.#queue.push(loaded);
    }
    for (const name of names) if (!this.#byName.has(name)) this.#byName.set(name, loaded);
  }

  #inMemory(name: string): Loaded | undefined {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    return this.#around.loader.dialect === "musl" && muslOwn.test(name) ? this.#loader?.loaded : undefined;
  }

  #accept(match: Match, names: readonly string[], requester: Loaded, foundBy: FoundBy): Loaded {
    this.#record(match, requester, foundBy);
    const { soname } = match.image.file;
    const loaded =
      this.#byPath.get(match.place.path) ?? asLoaded(match.place.path, match.openedAs, match.image, requester);
    this.#know(loaded, [...names, match.openedAs, ...(soname === undefined ? [] : [soname])]);
    return loaded;
  }

  /** A variant brings its own needs but answers to no name: the file it varies does. */
  #addVariant(variant: Match, requester: Loaded): void {
    this.#record(variant, requester, variant.foundBy);
    this.#know(asLoaded(variant.place.path, variant.openedAs, variant.image, requester), []);
  }

  #record(match: Match, requester: Loaded, foundBy: FoundBy): void {
    const { path: file, links } = match.place;
    if (file === this.#around.main.path) return;
    const known = this.#files.get(file);
    if (known !== undefined) {
      addRequirer(known, requester);
      const union = unionOfLinks(known.links, links);
      if (union !== known.links) this.#files.set(file, { ...known, links: union });
      return;
    }
    const { soname } = match.image.file;
    this.#files.set(file, {
      path: file,
      ...(soname === undefined ? {} : { soname }),
      requiredBy: new Set([requester.path]),
      foundBy,
      ...(foundBy === match.foundBy ? {} : { searchedBy: match.foundBy }),
      links,
    });
  }

  #lack(name: string, requester: Loaded, asking: Asking, broken: Broken | undefined): void {
    const because = broken === undefined ? undefined : `${broken.path}: ${broken.because}`;
    if (asking.optional) {
      const reason = because ?? "there is no such library";
      this.#warnings.add(`'${requester.path}' goes without '${name}' (${asking.rule ?? "needed"}): ${reason}`);
      return;
    }
    const known = this.#missing.get(name);
    if (known !== undefined) addRequirer(known, requester);
    else
      this.#missing.set(name, {
        soname: name,
        requiredBy: new Set([requester.path]),
        ...(because === undefined ? {} : { because }),
      });
  }

  #firstOf(sonames: readonly string[], requester: Loaded, required: boolean): Loaded | undefined {
    const there = sonames.find(
      (name) => this.#inMemory(name) !== undefined || search(name, requester, this.#around).match !== undefined,
    );
    if (there !== undefined) return this.load(there, requester, { rule: "dlopen" });
    if (required) for (const name of sonames.slice(0, 1)) this.#lack(name, requester, {}, undefined);
    return undefined;
  }
}

function addRequirer(file: { readonly requiredBy: Set<string> } | undefined, requester: Loaded): void {
  file?.requiredBy.add(requester.path);
}

/** Sets keep the order in which requirers were added. */
function inOrder<T extends { readonly requiredBy: ReadonlySet<string> }>(each: T) {
  return { ...each, requiredBy: [...each.requiredBy] };
}
