import { visibleLine, visibleLines } from "../system/visible.ts";
import type { Closure, ClosureFile } from "./closure.ts";

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
    under.set(parent, [...(under.get(parent) ?? []), file]);
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
    pending.push(...below(file.path, indent.length < widest ? `${indent}${last ? "    " : "│   "}` : indent));
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

/**
 * The ways from the binary to a file, one for each file that asks for it, each as short as can be. `wanted` is a soname, a file name
 * or a path; it may be missing. Empty where the closure does not ask for it.
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
  const byPath = new Map(closure.files.map((file) => [file.path, file]));
  const end = target === undefined ? `${wanted} (missing)` : step(target);
  return ((target ?? missing)?.requiredBy ?? []).map((requirer) =>
    visibleLine([closure.binary, ...shortestWay(closure.binary, requirer, byPath).map(step), end].join(" -> ")),
  );
}

function step({ path, foundBy }: ClosureFile): string {
  return `${path} (${foundBy})`;
}

/** The files from the binary, which is left out, to `end`. */
function shortestWay(binary: string, end: string, byPath: ReadonlyMap<string, ClosureFile>): readonly ClosureFile[] {
  const start = byPath.get(end);
  if (end === binary || start === undefined) return [];
  const ways: (readonly ClosureFile[])[] = [[start]];
  const seen = new Set([end]);
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    for (const requirer of way[0]?.requiredBy ?? []) {
      if (requirer === binary) return way;
      const file = byPath.get(requirer);
      if (file === undefined || seen.has(requirer)) continue;
      seen.add(requirer);
      ways.push([file, ...way]);
    }
  }
  return [start];
}
