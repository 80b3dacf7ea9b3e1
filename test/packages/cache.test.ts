import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hashFile, openCache } from "../../src/packages/cache.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "cache-"));
});
afterEach(() => rm(directory, { recursive: true }));

const key = Buffer.alloc(32, 1);
const origin = "0".repeat(64);

async function cacheWith(text: string) {
  const cache = await openCache(directory, key);
  const file = path.join(directory, "made");
  await writeFile(file, text);
  return { cache, payload: await cache.adoptDerived(origin, "payload", file) };
}

describe("what was derived from a package", () => {
  it("is found by the package's hash", async () => {
    const { cache, payload } = await cacheWith("its files");
    expect(await cache.findDerived(origin, "payload")).toBe(payload);
    expect(await cache.findDerived(origin, "header")).toBeUndefined();
  });

  it("is not used if it was damaged", async () => {
    const { cache, payload } = await cacheWith("its files");
    writeFileSync(payload, "other files");
    expect(await cache.findDerived(origin, "payload")).toBeUndefined();
  });

  it("is not used if another file with a right hash was put in its place", async () => {
    const { cache } = await cacheWith("its files");
    const forged = path.join(directory, "forged");
    writeFileSync(forged, "other files");
    const sha256 = hashFile(forged);
    writeFileSync(path.join(directory, "sha256", sha256), "other files");
    const note = path.join(directory, "derived", `${origin}.payload`);
    const code = readFileSync(note, "latin1").slice(64);
    for (const text of [sha256, `${sha256}${code}`, ""]) {
      writeFileSync(note, text);
      expect(await cache.findDerived(origin, "payload")).toBeUndefined();
    }
  });

  it("is not used under the name of another package", async () => {
    const { cache } = await cacheWith("its files");
    const other = "1".repeat(64);
    const notes = path.join(directory, "derived");
    expect(readdirSync(notes)).toEqual([`${origin}.payload`]);
    writeFileSync(path.join(notes, `${other}.payload`), readFileSync(path.join(notes, `${origin}.payload`)));
    expect(await cache.findDerived(other, "payload")).toBeUndefined();
  });

  it("is not used by somebody with another key", async () => {
    await cacheWith("its files");
    const cache = await openCache(directory, Buffer.alloc(32, 2));
    expect(await cache.findDerived(origin, "payload")).toBeUndefined();
  });
});
