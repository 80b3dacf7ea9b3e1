import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeDirectories } from "../../src/system/directories.ts";
import { cacheDirectory } from "../../src/system/user-directories.ts";
import { createWorkdir, isLeftover, leftoversIn, ownName, workdirBase } from "../../src/system/workdir.ts";

let base: string;

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), "workdir-test-"));
  vi.stubEnv("TMPDIR", base);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

describe("a work directory", () => {
  it("is its owner's alone and gone with its scope, and all that is in it", async () => {
    let place: string;
    {
      await using workdir = await createWorkdir();
      place = workdir.path;
      expect(path.dirname(place)).toBe(base);
      expect(statSync(place).mode & 0o777).toBe(0o700);
      writeFileSync(workdir.file("rootfs.tar"), "half");
    }
    expect(existsSync(place)).toBe(false);
  });

  it("is gone when its scope ends by an error", async () => {
    const failing = async () => {
      await using workdir = await createWorkdir();
      throw new Error(workdir.path);
    };
    const place = await failing().catch((error: Error) => error.message);
    expect(place).toContain(base);
    expect(existsSync(place)).toBe(false);
  });

  it("cannot be made where there is no directory for it, and the hint says what helps", async () => {
    vi.stubEnv("TMPDIR", path.join(base, "nowhere"));
    await expect(createWorkdir()).rejects.toMatchObject({
      message: `cannot make a work directory in ${base}/nowhere: there is no such file or directory`,
      hint: "set TMPDIR to a directory with free space that you can write to",
    });
  });

  it("is made on a disk where TMPDIR says nothing", () => {
    vi.stubEnv("TMPDIR", "");
    expect(workdirBase()).toBe("/var/tmp");
  });
});

describe("a leftover", () => {
  it("is told by a process that has ended", () => {
    const { pid } = spawnSync("true");
    expect(isLeftover(`dhcpd-build-${pid}-1-0123abcd`)).toBe(true);
  });

  it("is told by a process number that now belongs to another process", () => {
    expect(isLeftover(ownName().replace(/-\d+-(?=[^-]+$)/, "-1-"))).toBe(true);
  });

  it("is never what a living process made", () => {
    expect(isLeftover(ownName())).toBe(false);
  });

  it.each([
    "dhcpd-build",
    "dhcpd-build-1",
    "my-dhcpd-build-999999999-1-0123abcd",
    "dhcpd-build-999999999-1-0123abcd-mine",
  ])("is never a name we do not make: %s", (name) => {
    expect(isLeftover(name)).toBe(false);
  });

  it("is found in a directory, as a name or as the end of one", async () => {
    const dead = "dhcpd-build-999999999-1-0123abcd";
    for (const name of [dead, `note.${dead}`, ownName(), "other"]) mkdirSync(path.join(base, name));
    expect([...(await leftoversIn(base))].sort()).toEqual([path.join(base, dead), path.join(base, `note.${dead}`)]);
    expect(await leftoversIn(path.join(base, "nowhere"))).toEqual([]);
  });
});

describe("directories in a row", () => {
  it("are made where they are missing, and nobody else may write them", async () => {
    const before = process.umask();
    const deep = path.join(base, "one/two/three");
    await makeDirectories(deep);
    await makeDirectories(deep);
    expect(statSync(deep).mode & 0o022).toBe(0);
    expect(before).toBe(process.umask());
  });

  it("can be made by several at once", async () => {
    const deep = path.join(base, "a/b/c/d");
    await Promise.all(Array.from({ length: 20 }, () => makeDirectories(deep)));
    expect(statSync(deep).isDirectory()).toBe(true);
  });

  it.each([
    ["/proc/nope/deep", "ENOENT"],
    ["/dev/null/deep", "ENOTDIR"],
    ["/etc/passwd", "ENOTDIR"],
  ])("cannot be made everywhere, and that ends: %s", async (directory, code) => {
    await expect(makeDirectories(directory)).rejects.toMatchObject({ code });
  });
});

describe("the cache directory", () => {
  it.each([
    ["is XDG_CACHE_HOME's", "/somewhere", "/somewhere/dhcpd-build"],
    ["is ~/.cache's where that is relative, as the specification says", "relative", "/home/me/.cache/dhcpd-build"],
    ["is ~/.cache's where that is empty", "", "/home/me/.cache/dhcpd-build"],
  ])("%s", (_, cache, expected) => {
    vi.stubEnv("XDG_CACHE_HOME", cache);
    vi.stubEnv("HOME", "/home/me");
    expect(cacheDirectory()).toBe(expected);
  });
});
