import path from "node:path";
import { locate, type Root } from "../system/root.ts";
import { commandsOf, type Word } from "./shell-text.ts";
import type { AlternativeOrigin, Package } from "./source.ts";

interface Choice {
  readonly link: string;
  /** Of the link in /etc/alternatives. */
  readonly name: string;
  readonly path: string;
}

/** What a package offers for a name that several packages can answer (update-alternatives(1)). */
export interface Alternative extends Choice {
  /** Absent if the script computes it. */
  readonly priority?: number;
  /** Links that follow this choice. */
  readonly followers: readonly Choice[];
}

/** A link that a maintainer script would make. */
export interface MadeLink {
  readonly path: string;
  readonly target: string;
  readonly package: Package;
  readonly alternative: AlternativeOrigin;
}

const programs = ["update-alternatives", "alternatives"];
const directory = "/etc/alternatives";
const isPath = (word: Word): word is string => word !== undefined && /^(?:\/(?!\.\.?(?:\/|$))[^/\0]+)+$/.test(word);
const isName = (word: Word): word is string => word !== undefined && /^(?!\.\.?$)[^/\s]+$/.test(word);

/** Longer maintainer scripts, in characters, are not read. */
export const mostScriptLength = 256 * 1024;

/**
 * What the text of a maintainer script (postinst, %post) installs as alternatives; the script is not run. A command with a part that cannot be read is left
 * out, or without those followers that cannot be read.
 */
export function readAlternatives(script: string): readonly Alternative[] {
  if (script.length > mostScriptLength) return [];
  return commandsOf(script).flatMap((words) => {
    const program = words.findIndex((word) => word !== undefined && programs.includes(path.posix.basename(word)));
    const start = program < 0 ? -1 : words.indexOf("--install", program);
    if (start < 0) return [];
    const [link, name, target, priority, ...rest] = words.slice(start + 1);
    if (!isPath(link) || !isName(name) || !isPath(target) || !/^-?\d{1,9}$/.test(priority ?? "0")) return [];
    const known = priority === undefined ? {} : { priority: Number(priority) };
    return [{ link, name, path: target, ...known, followers: followersIn(rest) }];
  });
}

function followersIn(words: readonly Word[]): readonly Choice[] {
  return words.flatMap((word, index) => {
    if (word !== "--slave" && word !== "--follower") return [];
    const [link, name, target] = words.slice(index + 1);
    return isPath(link) && isName(name) && isPath(target) ? [{ link, name, path: target }] : [];
  });
}

/** An alternative and the package that offers it. */
export interface Offer extends Alternative {
  readonly package: Package;
}

/**
 * The links of the alternatives that win: of each name the one with the highest priority whose file is there; of equals the one that is
 * installed first, which is first in `offers`, as update-alternatives(1) keeps it. A priority that is not known is below all others.
 */
export function alternativeLinks(offers: readonly Offer[], root: Root): readonly MadeLink[] {
  const byName = new Map<string, Offer[]>();
  for (const offer of offers.filter((each) => locate(root, each.path) !== undefined)) {
    byName.set(offer.name, [...(byName.get(offer.name) ?? []), offer]);
  }
  return [...byName.values()].flatMap((rivals) => {
    const [best, ...rest] = rivals.toSorted((one, other) => rank(other) - rank(one));
    if (best === undefined) return [];
    const others = rest.map((each) => ({ package: each.package.name, ...priorityOf(each) }));
    const origin = { package: best.package, alternative: { name: best.name, ...priorityOf(best), others } };
    const followers = best.followers.filter((each) => locate(root, each.path) !== undefined);
    return [best, ...followers].flatMap(({ link, name, path: target }) => [
      { path: link, target: `${directory}/${name}`, ...origin },
      { path: `${directory}/${name}`, target, ...origin },
    ]);
  });
}

function priorityOf({ priority }: Alternative): { readonly priority?: number } {
  return priority === undefined ? {} : { priority };
}

function rank({ priority = Number.MIN_SAFE_INTEGER }: Alternative): number {
  return priority;
}
