import type { Closure, ClosureFile } from "../loader/closure.ts";
import { visibleLine, visibleLines } from "../system/visible.ts";

/** What is known of the file at a canonical path besides its place in the closure. */
export interface FileFacts {
  /** Bytes. */
  readonly size?: number | undefined;
  /** The name of the package it belongs to. */
  readonly package?: string | undefined;
}

/**
 * A closure for people: a tree in which each file hangs below the one that asked for it first, with the rule that found it, its package and
 * its size; then what is missing, with everyone who asks for it.
 */
export function outline(closure: Closure, factsOf: (path: string) => FileFacts): string {
  const lines = [`${closure.binary} (${closure.kind})`, ...branches(closure, factsOf)];
  for (const { soname, requiredBy, because } of closure.missing) {
    lines.push(`missing: ${soname}, needed by ${requiredBy.join(", ")}${because === undefined ? "" : ` (${because})`}`);
  }
  for (const { sonames, requester, feature, priority, outcome } of closure.dlopen) {
    const asked = `${requester} may open ${sonames.join(" or ")}${feature === undefined ? "" : ` for ${feature}`}`;
    lines.push(`${asked} (${priority}): ${outcome}`);
  }
  return visibleLines([...lines, ...closure.warnings.map((warning) => `warning: ${warning}`)]);
}

/** Deeper branches stay in this column, or a long chain would take memory by the square of its length. */
const widest = 120;

/** Walks with a list of its own instead of recursion: a chain of libraries may be as long as somebody likes. */
function branches(closure: Closure, factsOf: (path: string) => FileFacts): readonly string[] {
  const under = new Map<string, ClosureFile[]>();
  for (const file of closure.files) {
    const parent = file.requiredBy[0] ?? closure.binary;
    const siblings = under.get(parent);
    if (siblings === undefined) under.set(parent, [file]);
    else siblings.push(file);
  }
  const below = (parent: string, indent: string) =>
    (under.get(parent) ?? [])
      .map((file, index, all) => ({ file, indent, last: index === all.length - 1 }))
      .toReversed();
  const lines: string[] = [];
  const pending = below(closure.binary, "");
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { file, indent, last } = next;
    lines.push(`${indent}${last ? "└── " : "├── "}${label(file, factsOf(file.path))}`);
    const deeper = indent.length < widest ? `${indent}${last ? "    " : "│   "}` : indent;
    for (const branch of below(file.path, deeper)) pending.push(branch);
  }
  return lines;
}

function label({ soname, path, foundBy }: ClosureFile, { size, package: from }: FileFacts): string {
  const place = soname === undefined || path.endsWith(`/${soname}`) ? path : `${soname} => ${path}`;
  const facts = [foundBy, ...(from === undefined ? [] : [from]), ...(size === undefined ? [] : [kibibytes(size)])];
  return `${place} (${facts.join(", ")})`;
}

function kibibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}

/** So many ways are shown to a file that everybody asks for. */
const mostWays = 100;

/**
 * The ways from the binary to a file, one for each file that asks for it (of many the first), each as short as can be. `wanted` is a soname,
 * a file name or a path; it may be missing. Empty where the closure does not ask for it.
 */
export function chainsTo(closure: Closure, wanted: string): readonly string[] {
  const target = closure.files.find(
    ({ path, soname, links }) =>
      path === wanted ||
      soname === wanted ||
      path.endsWith(`/${wanted}`) ||
      links.some((link) => link.path.endsWith(`/${wanted}`)),
  );
  const missing = closure.missing.find(({ soname }) => soname === wanted);
  const end = target === undefined ? `${wanted} (missing)` : step(target);
  const before = requirersOnTheWay(closure);
  const requirers = (target ?? missing)?.requiredBy ?? [];
  return requirers.slice(0, mostWays).map((requirer) => {
    const way: string[] = [];
    for (let at = before.get(requirer); at !== undefined; at = before.get(at.requirer)) way.push(step(at.file));
    return visibleLine([closure.binary, ...way.reverse(), end].join(" -> "));
  });
}

function step({ path, foundBy }: ClosureFile): string {
  return `${path} (${foundBy})`;
}

interface OnTheWay {
  readonly file: ClosureFile;
  readonly requirer: string;
}

/** For each file that the binary leads to, who asks for it on the shortest way there. */
function requirersOnTheWay({ binary, files }: Closure): ReadonlyMap<string, OnTheWay> {
  const askedBy = new Map<string, ClosureFile[]>();
  for (const file of files) {
    for (const requirer of file.requiredBy) {
      const asked = askedBy.get(requirer);
      if (asked === undefined) askedBy.set(requirer, [file]);
      else asked.push(file);
    }
  }
  const before = new Map<string, OnTheWay>();
  const reached = new Set([binary]);
  // A set is walked through to what is added on the way: breadth first.
  for (const requirer of reached) {
    for (const file of askedBy.get(requirer) ?? []) {
      if (reached.has(file.path)) continue;
      reached.add(file.path);
      before.set(file.path, { file, requirer });
    }
  }
  return before;
}
