import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { baseReference } from "../../src/image/base.ts";
import { excludedVersions, parseAvailable } from "../../src/install/exclude-versions.ts";
import type { LockedBase } from "../../src/lock/lock.ts";

const digest = `sha256:${"1".repeat(64)}`;
const installed = (name: string, version: string, arch = "x86_64") => ({ name, version, arch, sha256: "2".repeat(64) });
const lockOf = (...packages: LockedBase["packages"]): LockedBase => ({
  base: "base:44",
  digest,
  arch: "x86_64",
  packages,
});

describe("the packages of a base's repositories", () => {
  it.each(["dnf-4.14.0", "dnf5-5.4.6.0"])("are read from what %s prints", (version) => {
    const text = readFileSync(path.join(import.meta.dirname, `../fixtures/dnf/${version}/available.txt`), "utf8");
    expect(parseAvailable(text).map(({ text: _, ...rest }) => rest)).toEqual([
      { name: "dhcp-server", version: "12:4.4.3-27.P1.fc44", arch: "x86_64" },
      { name: "glibc", version: "2.36-9.fc44", arch: "i686" },
      { name: "glibc", version: "2.36-9.fc44", arch: "x86_64" },
      { name: "libidn2", version: "2.3.3-2.fc44", arch: "x86_64" },
    ]);
  });

  it("are told from whatever else is printed, and may have dashes in their names and no epoch", () => {
    const text = "Updating and loading repositories:\nlib-a-b-1.0~rc1-2.fc44.noarch\n\n-1-2.x\n";
    expect(parseAvailable(text).map(({ name, version, arch }) => [name, version, arch])).toEqual([
      ["lib-a-b", "1.0~rc1-2.fc44", "noarch"],
    ]);
  });
});

describe("a lock", () => {
  it("leaves the package manager one version of each package, of whichever architecture", async () => {
    const query = async () => "a-0:1-1.x86_64\na-0:2-1.x86_64\na-0:2-1.i686\nb-3:1-1.noarch\nb-4:1-1.noarch\n";
    const lock = lockOf(installed("a", "1-1"), installed("b", "3:1-1", "noarch"));
    expect(await excludedVersions(lock, query)).toEqual(["a-0:2-1.x86_64", "a-0:2-1.i686", "b-4:1-1.noarch"]);
  });

  it("of nothing asks nothing and leaves out nothing", async () => {
    const query = () => Promise.reject(new Error("it was asked"));
    expect(await excludedVersions(lockOf(), query)).toEqual([]);
  });

  it("of one name in two versions, each for its architecture, leaves both", async () => {
    const query = async () => "a-0:1-1.x86_64\na-0:2-1.x86_64\na-0:2-1.i686\n";
    const lock = lockOf(installed("a", "1-1"), installed("a", "2-1", "i686"));
    expect(await excludedVersions(lock, query)).toEqual(["a-0:2-1.x86_64"]);
  });

  it("names what is not to be had, beside the newest that is", async () => {
    const query = async () => "a-0:2-1.x86_64\na-0:3-1.x86_64\na-0:1-1.i686\n";
    await expect(excludedVersions(lockOf(installed("a", "1-1"), installed("gone", "7:1-1")), query)).rejects.toThrow(
      "cannot get the packages of the lock from the repositories of base:44\n" +
        "package      locked  found\na.x86_64     1-1     3-1\ngone.x86_64  7:1-1   -",
    );
  });

  it.each([
    ["registry.example:5000/group/base:44", `registry.example:5000/group/base@${digest}`],
    ["registry.example:5000/base", `registry.example:5000/base@${digest}`],
    [`base:44@sha256:${"3".repeat(64)}`, `base@${digest}`],
  ])("gets the base %s by its digest", (base, reference) => {
    expect(baseReference({ base, lock: lockOf() })).toBe(reference);
    expect(baseReference({ base })).toBe(base);
  });
});
