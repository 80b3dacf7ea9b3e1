import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Buildah } from "../../src/image/buildah.ts";
import { openBuildMemory } from "../../src/image/memory.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "memory-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const image = {
  arch: "x86_64",
  id: "sha256:ab",
  references: ["localhost/a:1-x86_64", "localhost/a:latest-x86_64"],
} as const;
const storeWith = (images: readonly object[]) => () => new Buildah(async () => JSON.stringify(images)).images();

it("an image is recalled while the store has it under all its names", async () => {
  const store = storeWith([{ id: "ab", names: ["localhost/other:1", ...image.references] }]);
  const memory = openBuildMemory(directory, ["inputs"], store);
  expect(await memory.recall()).toBeUndefined();
  await memory.remember(image);
  expect(await memory.recall()).toEqual(image);
});

it.each([
  ["gone", []],
  ["another by now", [{ id: "cd", names: image.references }]],
  [
    "no longer the latest",
    [
      { id: "ab", names: ["localhost/a:1-x86_64"] },
      { id: "cd", names: ["localhost/a:latest-x86_64"] },
    ],
  ],
])("an image that is %s is not recalled", async (_, images) => {
  const memory = openBuildMemory(directory, ["inputs"], storeWith(images));
  await memory.remember(image);
  expect(await memory.recall()).toBeUndefined();
});

it("other inputs have another memory, and a damaged one is none", async () => {
  const store = storeWith([{ id: "ab", names: image.references }]);
  await openBuildMemory(directory, ["inputs"], store).remember(image);
  expect(await openBuildMemory(directory, ["others"], store).recall()).toBeUndefined();
  for (const name of readdirSync(directory)) writeFileSync(path.join(directory, name), "{");
  expect(await openBuildMemory(directory, ["inputs"], store).recall()).toBeUndefined();
});
