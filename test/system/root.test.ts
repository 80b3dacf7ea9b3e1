import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { locate, openDirectoryRoot, type Root } from "../../src/system/root.ts";

const directory = mkdtempSync(path.join(tmpdir(), "root-test-"));
let root: Root;

beforeAll(() => {
  const inside = (name: string) => path.join(directory, "root", name);
  mkdirSync(inside("usr/lib"), { recursive: true });
  mkdirSync(inside("etc/alternatives"), { recursive: true });
  writeFileSync(path.join(directory, "secret"), "outside");
  writeFileSync(inside("usr/lib/libreal.so.1.2"), "library", { mode: 0o644 });
  writeFileSync(inside("secret"), "inside");
  const links: Readonly<Record<string, string>> = {
    lib: "usr/lib",
    "usr/lib/liba.so": "liba.so.1",
    "usr/lib/liba.so.1": "../../etc/alternatives/liba",
    "etc/alternatives/liba": "/lib/libreal.so.1.2",
    climber: "../../../../../../secret",
    absolute: `${directory}/secret`,
    dangling: "nowhere",
    loop: "pool",
    pool: "loop",
    self: "self/x",
    "file-as-directory": "secret/deeper",
    "chain-0": "secret",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, inside(name));
  for (let i = 1; i <= 40; i++) symlinkSync(`chain-${i - 1}`, inside(`chain-${i}`));
  root = openDirectoryRoot(path.join(directory, "root"));
});

afterAll(() => rmSync(directory, { recursive: true }));

const text = (place: string) => Buffer.from(root.read(place, 0, 100)).toString();

describe("locate", () => {
  it("follows links of directories and files, and tells each in order", () => {
    expect(locate(root, "/lib/liba.so")).toMatchObject({
      path: "/usr/lib/libreal.so.1.2",
      entry: { kind: "file", size: 7, mode: 0o644 },
      links: [
        { path: "/lib", target: "usr/lib" },
        { path: "/usr/lib/liba.so", target: "liba.so.1" },
        { path: "/usr/lib/liba.so.1", target: "../../etc/alternatives/liba" },
        { path: "/etc/alternatives/liba", target: "/lib/libreal.so.1.2" },
        { path: "/lib", target: "usr/lib" },
      ],
    });
  });

  it.each([
    ["`..` above the root stays at the root", "/../../secret", "/secret"],
    ["a link that climbs out stays inside", "/climber", "/secret"],
    ["empty names and dots are nothing", "//usr/./lib//libreal.so.1.2", "/usr/lib/libreal.so.1.2"],
    ["a relative path begins at the root", "usr/lib/../../secret", "/secret"],
    ["the root itself is there", "/", "/"],
    ["40 links are followed, as the kernel does", "/chain-39", "/secret"],
  ])("%s", (_, wanted, found) => {
    expect(locate(root, wanted)?.path).toBe(found);
  });

  it("what a climbing link finds is the root's own file", () => {
    expect(text(locate(root, "/climber")?.path ?? "")).toBe("inside");
  });

  it.each([
    ["an absolute target begins at the root, not at the host's", "/absolute"],
    ["a dangling link", "/dangling"],
    ["a loop of two", "/loop"],
    ["a link into itself", "/self"],
    ["the 41st link", "/chain-40"],
    ["a file where a directory must be", "/secret/"],
    ["a name below a file", "/secret/deeper"],
    ["a link below a file", "/file-as-directory"],
    ["a name that is too long", `/${"x".repeat(300)}`],
    ["a name with a NUL byte", "/secret\0"],
  ])("%s is not there", (_, wanted) => {
    expect(locate(root, wanted)).toBeUndefined();
  });

  it("whatever the links are, the result is inside the root, canonical, and found again without a link", () => {
    const name = fc.constantFrom("a", "b", "..", ".", "", "c");
    const place = fc.array(name, { maxLength: 5 }).map((names) => names.join("/"));
    const tree = fc.dictionary(fc.constantFrom("/a", "/b", "/c", "/a/a", "/a/b"), fc.option(place, { nil: undefined }));
    fc.assert(
      fc.property(tree, place, (entries, wanted) => {
        const memory: Root = {
          entry(inside) {
            const target = entries[inside];
            if (inside === "/" || (inside in entries && target === undefined))
              return { kind: "directory", size: 0, mode: 0o755 };
            return target === undefined ? undefined : { kind: "symlink", size: 0, mode: 0o777, target };
          },
          read: () => new Uint8Array(),
          names: () => [],
        };
        const found = locate(memory, wanted);
        if (found === undefined) return;
        expect(path.posix.normalize(found.path)).toBe(found.path);
        expect(found.path.startsWith("/")).toBe(true);
        expect(locate(memory, found.path)).toEqual({ ...found, links: [] });
      }),
    );
  });
});

describe("a directory of this machine as a root", () => {
  it("reads from a position, and less at the end", () => {
    expect(Buffer.from(root.read("/secret", 2, 3)).toString()).toBe("sid");
    expect(Buffer.from(root.read("/secret", 4, 100)).toString()).toBe("de");
    expect(root.read("/secret", 100, 5)).toHaveLength(0);
  });

  it("tells a link itself, not what it points to", () => {
    expect(root.entry("/lib")).toMatchObject({ kind: "symlink", size: 0, target: "usr/lib" });
  });

  it("names what is in a directory, and nothing where there is none", () => {
    expect([...root.names("/etc")]).toEqual(["alternatives"]);
    expect(root.names("/nowhere")).toEqual([]);
    expect(root.names("/secret")).toEqual([]);
  });
});
