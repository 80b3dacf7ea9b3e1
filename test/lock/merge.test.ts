import { describe, expect, it } from "vitest";
import type { Lock, LockedBase, LockedRelease } from "../../src/lock/lock.ts";
import { changesText, entryChanges, mergeEntries, withoutPackages } from "../../src/lock/merge.ts";

const packageOf = (name: string, version: string) => ({
  name,
  version,
  sha256: `${name}${version}`,
  size: 1,
  from: name,
});
const release = (arch: "x86_64" | "aarch64", version: string): LockedRelease => ({
  family: "debian",
  release: "debian 12",
  arch,
  packages: [packageOf("libc6", "2.36"), packageOf("served", version)],
});
const base: LockedBase = {
  base: "registry.example/fedora:44",
  digest: "sha256:1",
  arch: "x86_64",
  packages: [{ name: "served", version: "1", arch: "x86_64", sha256: "a" }],
};
const known: Lock = { recipe: "served", releases: [release("x86_64", "1"), release("aarch64", "1")], bases: [base] };

describe("merging", () => {
  it("replaces the entry of the same image and keeps the others", () => {
    expect(mergeEntries(known, { releases: [release("x86_64", "2")], bases: [] })).toEqual({
      releases: [release("aarch64", "1"), release("x86_64", "2")],
      bases: [base],
    });
  });

  it("tells a base image of one name and two architectures apart", () => {
    const other: LockedBase = { ...base, arch: "aarch64" };
    expect(mergeEntries(known, { releases: [], bases: [other] }).bases).toEqual([base, other]);
  });
});

describe("the changes", () => {
  it("are those of the found entries alone", () => {
    const changes = entryChanges(known, { releases: [release("x86_64", "2")], bases: [base] });
    expect(changes.map(({ differences }) => differences)).toEqual([
      [{ package: "served", locked: "1", found: "2" }],
      [],
    ]);
    expect(changesText(changes)).toBe(
      ["debian 12, x86_64:", "package  locked  found", "served   1       2"].join("\n"),
    );
  });

  it("of an entry that is new are all its packages", () => {
    const [change] = entryChanges({ releases: [], bases: [] }, { releases: [release("x86_64", "1")], bases: [] });
    expect(change?.differences.map(({ locked, found }) => [locked, found])).toEqual([
      [undefined, "2.36"],
      [undefined, "1"],
    ]);
  });
});

describe("an update of one package", () => {
  it("frees the package in every entry", () => {
    const { releases } = withoutPackages(known, "scratch", ["served"]);
    expect(releases.map(({ packages }) => packages.map(({ name }) => name))).toEqual([["libc6"], ["libc6"]]);
  });

  it("needs a package of that kind of image", () => {
    expect(() => withoutPackages(known, "fedora", ["libc6"])).toThrow(
      "cannot update libc6: it is not in the lock of fedora images",
    );
  });
});
