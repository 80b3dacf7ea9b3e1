import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultLockFile, readLock, writeLock } from "../../src/lock/file.ts";
import type { Lock } from "../../src/lock/lock.ts";

const lockedPackage = { name: "libserved1", version: "1.10", sha256: "0".repeat(64), size: 1, from: "pool/l.deb" };
const lock: Lock = {
  recipe: "served",
  releases: [
    { family: "debian", release: "debian 12", arch: "x86_64", packages: [lockedPackage] },
    { family: "debian", release: "debian 12", arch: "aarch64", packages: [lockedPackage] },
  ],
  bases: [
    {
      base: "registry.example/base:44",
      digest: `sha256:${"1".repeat(64)}`,
      arch: "x86_64",
      packages: [{ name: "served", version: "12:4.4-27.fc44", arch: "x86_64", sha256: "2".repeat(64) }],
    },
  ],
};

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "lock-"));
  file = path.join(directory, "served.lock");
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("a lock file", () => {
  it("is read as it was written, versions as text, sorted by place", async () => {
    await writeLock(file, lock);
    expect(await readLock(file)).toEqual({ ...lock, releases: lock.releases.toReversed() });
    expect(readFileSync(file, "utf8")).toContain('version: "1.10"\n');
    expect(readdirSync(directory)).toEqual(["served.lock"]);
  });

  it("is nothing where there is none", async () => {
    expect(await readLock(file)).toBeUndefined();
  });

  it.each([
    ["text", "it: Invalid input: expected object, received string"],
    ["lockVersion: 1\nrecipe: a\nreleases: []\nmore: 1\n", 'it: Unrecognized key: "more"'],
    ["{", "it: "],
  ])("is refused where it is no lock: %j", async (text, cause) => {
    writeFileSync(file, text);
    await expect(readLock(file)).rejects.toMatchObject({
      kind: "usage",
      message: expect.stringContaining(`cannot read the lock file ${file}: ${cause}`),
    });
  });

  it.each(["--version", "1 2", "1;2"])(
    "has no version that a package manager could misunderstand: %s",
    async (version) => {
      const [release] = lock.releases;
      await writeLock(file, { ...lock, releases: [{ ...release!, packages: [{ ...lockedPackage, version }] }] });
      await expect(readLock(file)).rejects.toThrow("releases.0.packages.0.version");
    },
  );

  it("lies beside the recipe, for a shipped one in the working directory", () => {
    expect(defaultLockFile({ file: "a/served.yaml", isShipped: false })).toBe("a/served.lock");
    expect(defaultLockFile({ file: "/usr/lib/recipes/served.yaml", isShipped: true })).toBe("served.lock");
  });
});
