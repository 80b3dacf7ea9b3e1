import { describe, expect, it } from "vitest";
import { completeClosure } from "../../src/closure/complete.ts";
import { chainsTo, outline } from "../../src/closure/outline.ts";
import type { Closure, ClosureFile } from "../../src/loader/closure.ts";
import { disagreements } from "../../src/loader/cross-check.ts";
import { viewRoot } from "../../src/loader/root-view.ts";
import type { Root } from "../../src/system/root.ts";
import { expectProportion } from "../support/growth.ts";
import { library } from "./tiny-library.ts";

const file = (path: string, ...requiredBy: readonly string[]): ClosureFile => ({
  path,
  soname: path.slice(1),
  requiredBy,
  foundBy: "default",
  links: [],
});
const closureOf = (files: readonly ClosureFile[]): Closure => ({
  binary: "/prog",
  kind: "dynamic",
  links: [],
  files,
  missing: [],
  dlopen: [],
  warnings: [],
});
const nothing: Root = { entry: () => undefined, read: () => new Uint8Array(), names: () => [] };

/** One after another, each needed by the one before it, and the last by all. */
const chain = (count: number) => {
  const paths = Array.from({ length: count }, (_, index) => `/l${index}`);
  const links = paths.map((path, index) => file(path, paths[index - 1] ?? "/prog"));
  return closureOf([...links, file("/last", ...paths)]);
};
const star = (count: number) => closureOf(Array.from({ length: count }, (_, index) => file(`/l${index}`, "/prog")));

describe("work grows as its input does", () => {
  it.each([
    ["a chain", chain],
    ["a star", star],
  ])("the tree of %s of libraries", (_, make) => {
    expectProportion(10_000, (size) => {
      const closure = make(size);
      return () => outline(closure, () => ({}));
    });
  });

  it("the comparison with the loader", () => {
    expectProportion(4000, (size) => {
      const closure = chain(size);
      const listing = { files: closure.files.map(({ path }) => path), missing: [] };
      return () => expect(disagreements(viewRoot(nothing), closure, listing)).toEqual([]);
    });
  });

  it("the ways to a library that all ask for", () => {
    const ways = chainsTo(chain(5000), "last");
    expect(ways).toHaveLength(100);
    expect(ways[2]).toBe("/prog -> /l0 (default) -> /l1 (default) -> /l2 (default) -> /last (default)");
  });
});

/** Libraries of no architecture in particular, in one directory. */
describe("what no package provides", () => {
  const world = (needed: readonly string[]) => {
    const files = new Map<string, Buffer>([["/bin/prog", library("prog", needed)]]);
    const root: Root = {
      entry: (path) => {
        const content = files.get(path);
        if (content !== undefined) return { kind: "file", size: content.length, mode: 0o755 };
        return path === "/" || path === "/bin" ? { kind: "directory", size: 0, mode: 0o755 } : undefined;
      },
      read: (path, position, length) => files.get(path)?.subarray(position, position + length) ?? new Uint8Array(),
      names: (path) => (path === "/bin" ? ["prog"] : path === "/" ? ["bin"] : []),
    };
    return { root, provide: async () => false };
  };
  const names = (count: number) => Array.from({ length: count }, (_, index) => `lib${index}.so`);

  it("is named, but no thousands of it", async () => {
    await expect(completeClosure(["/bin/prog"], world(names(60)))).rejects.toThrow(
      /lib49.so, needed by \/bin\/prog\n {2}and 1[01] more$/,
    );
  });

  it("is refused where there is absurdly much of it", async () => {
    await expect(completeClosure(["/bin/prog"], world(names(5000)))).rejects.toThrow(
      /^cannot complete the closure: 500[01] libraries are missing, more than 2000, among them .+, needed by \/bin\/prog$/,
    );
  });

  it("is not looked for in rounds without end", async () => {
    let asked = 0;
    const source = { ...world(["libnever.so"]), provide: async () => ++asked > 0 };
    await expect(completeClosure(["/bin/prog"], source)).rejects.toThrow(
      /^cannot complete the closure: .* more than 200 rounds$/,
    );
    expect(asked).toBe(200);
  });
});
