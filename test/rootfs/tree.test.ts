import { expect, it } from "vitest";
import { type Entry, Tree } from "../../src/rootfs/tree.ts";

const directory = (path: string, more: Partial<Entry> = {}) =>
  ({
    path,
    kind: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    reason: { kind: "parent", of: `${path}/x` },
    ...more,
  }) as Entry;
const text = (path: string, content: string) =>
  ({
    path,
    kind: "file",
    size: content.length,
    content: { bytes: Buffer.from(content) },
    mode: 0o644,
    uid: 0,
    gid: 0,
    reason: { kind: "recipe" },
  }) as const;

it("a tree reads as text, sorted, with the reasons", () => {
  const tree = new Tree();
  tree.add(text("/etc/x", "1"));
  tree.add(directory("/etc"));
  tree.add({
    path: "/lib",
    kind: "symlink",
    target: "usr/lib",
    mode: 0o777,
    uid: 0,
    gid: 0,
    reason: { kind: "link", to: "/usr/lib/a" },
  });
  expect(tree.toText()).toBe(
    "/etc  directory 0755 0:0  why: holds /etc/x\n" +
      "/etc/x  file 0644 0:0  why: recipe\n" +
      "/lib  symlink -> usr/lib 0777 0:0  why: on the way to /usr/lib/a\n",
  );
});

it("two different files for one path are refused", () => {
  const tree = new Tree();
  tree.add(text("/etc/x", "1"));
  expect(() => tree.add(text("/etc/x", "2"))).toThrow(/^cannot put two different things at \/etc\/x: /);
});

it("the same file a second time is kept once", () => {
  const tree = new Tree();
  tree.add(text("/etc/x", "1"));
  tree.add(text("/etc/x", "1"));
  expect(tree.entries()).toHaveLength(1);
});

it("a directory that the recipe gives decides over one that only holds something, in either order", () => {
  const given = directory("/run/x", { mode: 0o750, uid: 7, reason: { kind: "recipe" } });
  for (const entries of [
    [directory("/run/x"), given],
    [given, directory("/run/x")],
  ]) {
    const tree = new Tree();
    for (const entry of entries) tree.add(entry);
    expect(tree.get("/run/x")).toEqual(given);
  }
});

it("a directory where a file is, is refused", () => {
  const tree = new Tree();
  tree.add(text("/etc/x", "1"));
  expect(() => tree.add(directory("/etc/x"))).toThrow(/^cannot put two different things at/);
});
