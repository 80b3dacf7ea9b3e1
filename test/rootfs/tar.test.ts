import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeTar } from "../../src/rootfs/tar.ts";
import { type Entry, Tree } from "../../src/rootfs/tree.ts";
import { listMembers, type Member } from "../../src/system/archive.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "tar-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const reason = { kind: "recipe" } as const;

function file(place: string, text: string, more: Partial<Entry> = {}): Entry {
  const entry = {
    kind: "file",
    size: Buffer.byteLength(text),
    content: { bytes: Buffer.from(text) },
    mode: 0o644,
    uid: 0,
    gid: 0,
    reason,
  } as const;
  return { path: place, ...entry, ...more } as Entry;
}

function treeOf(...entries: readonly Entry[]): Tree {
  const tree = new Tree();
  for (const entry of entries) tree.add(entry);
  return tree;
}

function written(tree: Tree, name = "a.tar"): string {
  const tar = path.join(directory, name);
  writeTar(tree, tar, 1_700_000_000);
  return tar;
}

function membersOf(tar: string): readonly Member[] {
  const handle = openSync(tar, "r");
  try {
    return [...listMembers(handle, statSync(tar).size)];
  } finally {
    closeSync(handle);
  }
}

it("the system's tar reads names, modes, owners, times and links as they were meant", () => {
  const tar = written(
    treeOf(
      { path: "/etc", kind: "directory", mode: 0o750, uid: 1, gid: 2, reason },
      file("/etc/x", "hello", { mode: 0o4755, uid: 177, gid: 178 }),
      { path: "/lib", kind: "symlink", target: "usr/lib", mode: 0o777, uid: 0, gid: 0, reason },
    ),
  );
  const listing = execFileSync("tar", ["--numeric-owner", "--utc", "--full-time", "-tvf", tar], { encoding: "utf8" });
  expect(listing.replaceAll(/ +/g, " ")).toBe(
    "drwxr-x--- 1/2 0 2023-11-14 22:13:20 etc/\n" +
      "-rwsr-xr-x 177/178 5 2023-11-14 22:13:20 etc/x\n" +
      "lrwxrwxrwx 0/0 0 2023-11-14 22:13:20 lib -> usr/lib\n",
  );
  expect(execFileSync("tar", ["-xOf", tar, "etc/x"], { encoding: "utf8" })).toBe("hello");
});

it("the same entries in another order give the same bytes", () => {
  const [a, b] = [file("/a", "1"), file("/b", "2")];
  expect(readFileSync(written(treeOf(a, b)))).toEqual(readFileSync(written(treeOf(b, a), "b.tar")));
});

it("binary extended attributes come back byte for byte", () => {
  const capability = Uint8Array.from([1, 0, 0, 2, 0x80, 0xff, 0x0a, 0, 0x3d, 0xc3]);
  const [member] = membersOf(
    written(treeOf(file("/x", "", { xattrs: new Map([["security.capability", capability]]) }))),
  );
  expect(Uint8Array.from(member?.xattrs.get("security.capability") ?? [])).toEqual(capability);
});

it("one file under two names is written once and linked", () => {
  const members = membersOf(
    written(treeOf(file("/a", "same", { sameFile: "1" }), file("/b", "same", { sameFile: "1" }))),
  );
  expect(members.map(({ name, kind, linkName }) => [name, kind, linkName])).toEqual([
    ["a", "file", ""],
    ["b", "hardlink", "a"],
  ]);
});

it.each([
  ["a long path", `/usr/${"deep/".repeat(40)}file`],
  ["a long name", `/${"n".repeat(200)}`],
  ["a name that is not ASCII", "/usr/share/größe ß"],
])("%s survives", (_, place) => {
  const tar = written(treeOf(file(place, "x")));
  expect(membersOf(tar)[0]?.name).toBe(place.slice(1));
  expect(execFileSync("tar", ["--quoting-style=literal", "-tf", tar], { encoding: "utf8" }).trim()).toBe(
    place.slice(1),
  );
});

it("an owner beyond seven octal digits survives", () => {
  expect(membersOf(written(treeOf(file("/x", "", { uid: 4_000_000_000 }))))[0]?.uid).toBe(4_000_000_000);
});
