import { readdirSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheKey } from "../../src/system/user-directories.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "state-"));
  vi.stubEnv("XDG_STATE_HOME", path.join(home, "state"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const file = () => path.join(home, "state/dhcpd-build/cache.key");

describe("the cache's key", () => {
  it("is made once, for its owner alone", async () => {
    const key = await cacheKey();
    expect(key).toHaveLength(32);
    expect(Buffer.from(await cacheKey()).equals(key)).toBe(true);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(readdirSync(path.dirname(file()))).toEqual(["cache.key"]);
  });

  it("is the same for processes that start at the same time", async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => cacheKey()));
    const last = Buffer.from(await cacheKey());
    expect(keys.every((key) => last.equals(key))).toBe(true);
  });

  it("is made again if the file was cut off", async () => {
    await cacheKey();
    writeFileSync(file(), "short");
    const key = await cacheKey();
    expect(Buffer.from(await cacheKey()).equals(key)).toBe(true);
  });

  it("is one of this process alone where none can be kept", async () => {
    writeFileSync(path.join(home, "state"), "no directory");
    expect(await cacheKey()).toHaveLength(32);
  });
});
