import path from "node:path";
import { type Located, locate, type Root } from "./root.ts";

/**
 * The paths of a root that match a pattern of glob(7): `*`, `?` and `[...]` within one name, where a dot at its beginning must be written;
 * `**` as a whole name stands for any number of directories, links not followed. Sorted, each once. A pattern that is itself the path of
 * something is that path.
 */
export function matchingPaths(root: Root, pattern: string): readonly string[] {
  if (locate(root, pattern) !== undefined) return [pattern];
  const names = pattern.split("/").filter((name) => name !== "");
  let found: readonly string[] = [""];
  for (const [index, name] of names.entries()) {
    const next = found.flatMap((directory) => below(root, directory, name, index === names.length - 1));
    found = [...new Set(next)];
  }
  return found.filter((each) => each !== "" && locate(root, each) !== undefined).toSorted(byBytes);
}

/** Whether a name or path has a wildcard. */
export function hasWildcard(text: string): boolean {
  return /[*?]|\[.+\]/.test(text);
}

function below(root: Root, directory: string, name: string, isLast: boolean): readonly string[] {
  if (name === "**") return isLast ? everything(root, directory) : [directory, ...everything(root, directory, true)];
  if (!hasWildcard(name)) return [`${directory}/${name}`];
  const matches = nameMatcher(name);
  return namesIn(root, directory)
    .filter(matches)
    .map((each) => `${directory}/${each}`);
}

function everything(root: Root, directory: string, directoriesAlone = false): readonly string[] {
  const found: string[] = [];
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const name of namesIn(root, next).filter((each) => !each.startsWith("."))) {
      const place = `${next}/${name}`;
      const isDirectory = root.entry(located(root, next, name))?.kind === "directory";
      if (isDirectory) pending.push(place);
      if (isDirectory || !directoriesAlone) found.push(place);
    }
  }
  return found;
}

function namesIn(root: Root, directory: string): readonly string[] {
  const place: Located | undefined = locate(root, directory === "" ? "/" : directory);
  return place?.entry.kind === "directory" ? root.names(place.path) : [];
}

/** The name itself, not what it leads to. */
function located(root: Root, directory: string, name: string): string {
  return path.posix.join(locate(root, directory === "" ? "/" : directory)?.path ?? "/", name);
}

/**
 * Whether a name matches a pattern of one name. The pattern becomes one test per character and a `*` between them, and a mismatch goes back
 * to the last `*` only, so that the time is at most the product of the two lengths whatever the pattern is.
 */
function nameMatcher(pattern: string): (name: string) => boolean {
  const parts = pattern.match(/\[[!^]?\]?[^\]]*\]|\*+|./gsu) ?? [];
  const tests = parts.map((part) => (part.startsWith("*") ? "*" : characterTest(part)));
  const hidesDots = /^[*?[]/.test(pattern);
  return (name) => !(hidesDots && name.startsWith(".")) && matchesAll(tests, [...name]);
}

type CharacterTest = (character: string) => boolean;

/** For a character, `?`, or a list in brackets (glob(7)). A range whose ends are in the wrong order has nothing in it. */
function characterTest(part: string): CharacterTest {
  if (part === "?") return () => true;
  const [, negated, listed] = /^\[([!^]?)(\]?[^\]]*)\]$/su.exec(part) ?? [];
  if (listed === undefined) return (character) => character === part;
  const ranges = [...listed.matchAll(/(.)-(.)|./gsu)].map(([all, from = all, to = all]) => ({ from, to }));
  return (character) => {
    const isListed = ranges.some(({ from, to }) => byBytes(from, character) <= 0 && byBytes(character, to) <= 0);
    return isListed === (negated === "");
  };
}

function matchesAll(tests: readonly (CharacterTest | "*")[], characters: readonly string[]): boolean {
  let [test, at] = [0, 0];
  let retry: { readonly test: number; readonly at: number } | undefined;
  while (at < characters.length || test < tests.length) {
    const next = tests[test];
    if (next === "*") {
      test += 1;
      retry = { test, at };
    } else if (at < characters.length && next?.(characters[at] ?? "")) {
      test += 1;
      at += 1;
    } else {
      if (retry === undefined || retry.at >= characters.length) return false;
      at = retry.at + 1;
      test = retry.test;
      retry = { test, at };
    }
  }
  return true;
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
