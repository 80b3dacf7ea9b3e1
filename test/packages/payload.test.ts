import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PayloadRoot } from "../../src/packages/payload.ts";
import { locate } from "../../src/system/root.ts";
import { handMadeTar, type TarMember } from "../support/apt-repository.ts";
import { expectProportion } from "../support/growth.ts";
import { packageNamed } from "../support/package.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "payload-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const merged = ["bin", "sbin", "lib", "lib64"].map((name) => ({ path: `/${name}`, into: `/usr/${name}` }));

/** A payload made by the system's tar from files given as path -> content, "->target" for a link, a trailing slash for a directory. */
function payload(name: string, files: Readonly<Record<string, string>>, ...options: readonly string[]): string {
  const base = path.join(directory, name);
  for (const [file, content] of Object.entries(files)) {
    const place = path.join(base, file);
    mkdirSync(file.endsWith("/") ? place : path.dirname(place), { recursive: true });
    if (content.startsWith("->")) symlinkSync(content.slice(2), place);
    else if (!file.endsWith("/")) writeFileSync(place, content);
  }
  const tar = `${base}.tar`;
  execFileSync("tar", ["-C", base, ...options, "-cf", tar, "."]);
  return tar;
}

describe("packages seen as one root", () => {
  it("show merged directories under their new names, with the link from the old one", () => {
    using root = new PayloadRoot(merged);
    root.add(
      packageNamed("libc6"),
      payload("libc6", { "lib64/ld.so.2": "->/lib/x/ld.so.2", "lib/x/ld.so.2": "loader" }),
    );
    const located = locate(root, "/lib64/ld.so.2");
    expect(located?.path).toBe("/usr/lib/x/ld.so.2");
    expect(located?.links.map((link) => link.path)).toEqual(["/lib64", "/usr/lib64/ld.so.2", "/lib"]);
    expect(Buffer.from(root.read("/usr/lib/x/ld.so.2", 2, 100)).toString()).toBe("ader");
  });

  it("keep a merged link when a later package has the directory", () => {
    using root = new PayloadRoot(merged);
    root.add(packageNamed("a"), payload("a", { "lib64/": "", "usr/lib64/": "" }));
    expect(root.entry("/lib64")).toMatchObject({ kind: "symlink", target: "usr/lib64" });
  });

  it("have links that no package has, until the next package comes, and none where a package has something", () => {
    using root = new PayloadRoot(merged);
    const editor = packageNamed("vim");
    root.add(editor, payload("vim", { "usr/bin/vim": "1", "usr/bin/ex": "2" }));
    const alternative = { name: "editor", priority: 5, others: [] };
    const made = [
      { path: "/bin/editor", target: "/etc/alternatives/editor" },
      { path: "/etc/alternatives/editor", target: "/usr/bin/vim" },
      { path: "/bin/ex", target: "/etc/alternatives/editor" },
      { path: "/usr/share/man/editor.1", target: "/etc/alternatives/editor" },
      { path: "/usr/bin/vim/editor", target: "/etc/alternatives/editor" },
    ].map((link) => ({ ...link, package: editor, alternative }));
    root.makeLinks(made);
    const located = locate(root, "/usr/bin/editor");
    expect(located?.path).toBe("/usr/bin/vim");
    expect(located?.links.map((link) => link.path)).toEqual(["/usr/bin/editor", "/etc/alternatives/editor"]);
    expect([root.describe("/usr/bin/editor").package?.name, root.describe("/usr/bin/editor").alternative]).toEqual([
      "vim",
      alternative,
    ]);
    expect(locate(root, "/usr/bin/ex")?.path).toBe("/usr/bin/ex");
    expect(root.entry("/usr/share/man/editor.1")).toBeUndefined();
    root.add(packageNamed("nano"), payload("nano", { "usr/bin/editor": "a file" }));
    expect([root.names("/usr/bin").length, root.entry("/usr/bin/editor")?.kind]).toEqual([3, "file"]);
    root.makeLinks(made);
    expect(root.entry("/usr/bin/editor")?.kind).toBe("file");
    expect(root.ownershipOf("/usr/bin/editor").mode).toBeGreaterThan(0);
  });

  it("say which package a file is from, and its owner and mode", () => {
    using root = new PayloadRoot(merged);
    root.add(
      packageNamed("a"),
      payload("a", { "usr/bin/x": "1" }, "--owner=7", "--group=8", "--mode=4750", "--numeric-owner"),
    );
    expect(root.describe("/usr/bin/x").package?.name).toBe("a");
    expect(root.ownershipOf("/usr/bin/x")).toMatchObject({ uid: 7, gid: 8, mode: 0o4750 });
  });

  it("refuse to choose between two different files at one path", () => {
    using root = new PayloadRoot(merged);
    root.add(packageNamed("one"), payload("one", { "usr/sbin/d": "plain" }));
    root.add(packageNamed("other"), payload("other", { "usr/sbin/d": "other" }));
    expect(() => root.ownershipOf("/usr/sbin/d")).toThrow(
      "cannot take /usr/sbin/d: the packages one and other both have it, and not the same",
    );
  });

  it("take the same file from two packages as one", () => {
    using root = new PayloadRoot(merged);
    root.add(packageNamed("one"), payload("one", { "usr/share/doc/x": "same" }));
    root.add(packageNamed("other"), payload("other", { "usr/share/doc/x": "same" }));
    expect(root.ownershipOf("/usr/share/doc/x").mode & 0o400).toBe(0o400);
  });

  it("put what lies below a link where the link leads", () => {
    using root = new PayloadRoot(merged);
    root.add(packageNamed("a"), payload("a", { "usr/lib/real/": "", "usr/lib/alias": "->real" }));
    root.add(packageNamed("b"), payload("b", { "usr/lib/alias/x.so": "x" }));
    expect(root.describe("/usr/lib/real/x.so").package?.name).toBe("b");
  });

  it("follow a link out of the root no further than the root", () => {
    using root = new PayloadRoot(merged);
    root.add(packageNamed("a"), payload("a", { "usr/lib/evil": "->../../../../../../etc/passwd" }));
    expect(locate(root, "/usr/lib/evil")).toBeUndefined();
  });
});

describe("a hostile payload", () => {
  it("whose names climb out is refused", () => {
    using root = new PayloadRoot(merged);
    const tar = payload("evil", { "usr/x": "x" }, "--transform=s,usr/x,../../etc/x,");
    expect(() => root.add(packageNamed("evil"), tar)).toThrow(
      /cannot read package evil 1: the name ".*" leaves the root/,
    );
  });

  it("that ends early is refused", () => {
    using root = new PayloadRoot(merged);
    const tar = payload("short", { "usr/x": "x".repeat(5000) });
    execFileSync("truncate", ["-s", "3000", tar]);
    expect(() => root.add(packageNamed("short"), tar)).toThrow("a member reaches beyond the end of the archive");
  });

  it("with a path that no system has is refused", () => {
    using root = new PayloadRoot(merged);
    const name = "d/".repeat(5000);
    const tar = path.join(directory, "deep.tar");
    writeFileSync(
      tar,
      handMadeTar([
        { name: "long", type: "L", bytes: Buffer.from(name) },
        { name: "short", type: "5" },
      ]),
    );
    expect(() => root.add(packageNamed("deep"), tar)).toThrow(
      "cannot read package deep 1: a name has 10000 bytes, which is more than a path may have",
    );
  });

  it("of directories in directories takes time in proportion to their names", () => {
    expectProportion(250 ** 2, (size) => {
      const depth = Math.round(Math.sqrt(size));
      const tar = path.join(directory, `deep-${depth}.tar`);
      // Each directory holds ten others that are empty, so that there is enough to measure.
      const names = Array.from({ length: depth * 10 }, (_, index) => `${"d/".repeat(index / 10)}e${index % 10}/`);
      const members = names.flatMap((name): TarMember[] => [
        { name: "long", type: "L", bytes: Buffer.from(name) },
        { name: "short", type: "5" },
      ]);
      writeFileSync(tar, handMadeTar(members));
      return () => {
        using root = new PayloadRoot(merged);
        root.add(packageNamed("deep"), tar);
      };
    });
  });

  it("that has one large file under one name many times is compared with itself only once", () => {
    using root = new PayloadRoot(merged);
    const tar = path.join(directory, "again.tar");
    const bytes = Buffer.alloc(8 * 1024 * 1024, 1);
    const again = Array.from(
      { length: 20_000 },
      (): TarMember => ({ name: "usr/other", type: "1", link: "usr/large" }),
    );
    writeFileSync(tar, handMadeTar([{ name: "usr/large", type: "0", bytes }, ...again]));
    root.add(packageNamed("again"), tar);
    expect(root.ownershipOf("/usr/other").sameFile).toBe(root.ownershipOf("/usr/large").sameFile);
  });

  it("that is no tar is refused", () => {
    using root = new PayloadRoot(merged);
    const tar = path.join(directory, "no.tar");
    writeFileSync(tar, Buffer.alloc(2048, 0x41));
    expect(() => root.add(packageNamed("no"), tar)).toThrow(/cannot read package no 1: /);
  });
});
