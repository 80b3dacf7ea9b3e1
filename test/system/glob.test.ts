import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasWildcard, matchingPaths } from "../../src/system/glob.ts";
import { openDirectoryRoot, type Root } from "../../src/system/root.ts";

let directory: string;
let root: Root;

beforeAll(() => {
  directory = realpathSync(mkdtempSync(path.join(tmpdir(), "glob-")));
  const files = ["a/b.so", "a/c.so.1", "a/.hidden", "a/d/e.so", "a/d/f/g.so", "a/x[1]", "a/x1", "a/é.so", "z/b.so"];
  for (const file of files) {
    mkdirSync(path.join(directory, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(directory, file), "");
  }
  symlinkSync("a", path.join(directory, "link"));
  symlinkSync("../a", path.join(directory, "z/up"));
  symlinkSync("nowhere", path.join(directory, "a/dangling.so"));
  root = openDirectoryRoot(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  ["/a/*.so", ["/a/b.so", "/a/é.so"]],
  ["/a/*", ["/a/b.so", "/a/c.so.1", "/a/d", "/a/x1", "/a/x[1]", "/a/é.so"]],
  ["/a/.*", ["/a/.hidden"]],
  ["/?/b.so", ["/a/b.so", "/z/b.so"]],
  ["/[!a]/b.so", ["/z/b.so"]],
  ["/[a-c]/[bc].so*", ["/a/b.so", "/a/c.so.1"]],
  ["/a/x[1]", ["/a/x[1]"]],
  ["/a/x[0-9]", ["/a/x1"]],
  ["/a/?.so", ["/a/b.so", "/a/é.so"]],
  ["/a/**/*.so", ["/a/b.so", "/a/d/e.so", "/a/d/f/g.so", "/a/é.so"]],
  ["/a/d/**", ["/a/d/e.so", "/a/d/f", "/a/d/f/g.so"]],
  ["/**/g.so", ["/a/d/f/g.so"]],
  ["/link/b.*", ["/link/b.so"]],
  ["/a/*.gone", []],
  ["/gone/*", []],
  ["/a/b.so/*", []],
  ["/a/b+so", []],
  ["/a/[b.so", []],
  ["/a/[c-a].so", []],
  ["/a/[]b].so", ["/a/b.so"]],
  ["/a/[^a-c].so", ["/a/é.so"]],
  ["/a/[a-].so", []],
  ["/a/*.*.*", ["/a/c.so.1"]],
  ["/a/**.so", ["/a/b.so", "/a/é.so"]],
  ["/a/x*[*", ["/a/x[1]"]],
])("%s", (pattern, expected) => {
  expect(matchingPaths(root, pattern)).toEqual(expected);
});

test.each([
  ["/a/b", false],
  ["/usr/bin/[", false],
  ["/a/*", true],
  ["/a/?", true],
  ["/a/[bc]", true],
])("%s has a wildcard: %s", (text, expected) => {
  expect(hasWildcard(text)).toBe(expected);
});

test("a pattern with many wildcards takes no longer than the product of its length and the name's", () => {
  const name = "a".repeat(250);
  mkdirSync(path.join(directory, "many"));
  writeFileSync(path.join(directory, "many", name), "");
  expect(matchingPaths(root, `/many/${"*a".repeat(120)}`)).toEqual([`/many/${name}`]);
  // With backtracking, each wildcard multiplies the time.
  expect(matchingPaths(root, `/many/${"*a".repeat(120)}*b`)).toEqual([]);
}, 10_000);
