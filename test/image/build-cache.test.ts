import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openBuildCache } from "../../src/image/build-cache.ts";
import { Buildah } from "../../src/image/buildah.ts";

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

const isImage = (value: unknown): value is typeof image =>
  typeof value === "object" && value !== null && "id" in value && "references" in value;
const memoryOf = (inputs: unknown, stored: ReturnType<typeof storeWith>) =>
  openBuildCache(directory, {
    inputs,
    latest: image.references[1],
    read: (value) => (isImage(value) ? value : undefined),
    stored,
  });

it("an image is recalled while the store has it under all its names", async () => {
  const store = storeWith([{ id: "ab", names: ["localhost/other:1", ...image.references] }]);
  const memory = memoryOf(["inputs"], store);
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
  const memory = memoryOf(["inputs"], storeWith(images));
  await memory.remember(image);
  expect(await memory.recall()).toBeUndefined();
});

it("other inputs have another memory, and a damaged one is none", async () => {
  const store = storeWith([{ id: "ab", names: image.references }]);
  await memoryOf(["inputs"], store).remember(image);
  expect(await memoryOf(["others"], store).recall()).toBeUndefined();
  for (const name of readdirSync(directory)) writeFileSync(path.join(directory, name), "{");
  expect(await memoryOf(["inputs"], store).recall()).toBeUndefined();
});

it.each([
  ["null", "null"],
  ["a list", "[]"],
  ["nothing in it", "{}"],
  ["a number", "7"],
  ["half of it", '{"inputs":"'],
  ["no image", '{"inputs":"KEY","image":null}'],
  ["another kind of image", '{"inputs":"KEY","image":{"id":7}}'],
  ["what is about something else", JSON.stringify({ inputs: "0".repeat(64), image })],
  ["another image", JSON.stringify({ inputs: "KEY", image: { ...image, references: ["localhost/b:latest-x86_64"] } })],
])("what is not what was remembered is not believed: %s", async (_, note) => {
  const store = storeWith([{ id: "ab", names: ["localhost/b:latest-x86_64", ...image.references] }]);
  const memory = memoryOf(["inputs"], store);
  await memory.remember(image);
  const [key = ""] = readdirSync(directory);
  writeFileSync(path.join(directory, key), note.replace("KEY", key));
  expect(await memory.recall()).toBeUndefined();
});
