import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadRecipe } from "../../src/recipe/load.ts";
import { Failure } from "../../src/system/errors.ts";
import { run } from "../support/run.ts";
import { rightRecipe } from "./text.ts";

let directory: string;
const inside = (name: string) => path.join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "recipes-"));
  await mkdir(inside("directory"));
  await writeFile(inside("right.yaml"), rightRecipe);
  await writeFile(inside("empty.yaml"), "");
  await writeFile(inside("large.yaml"), Buffer.alloc(10_000_000, "#"));
  await writeFile(inside("full.yaml"), rightRecipe.padEnd(1024 * 1024, "#"));
  await writeFile(inside("utf16.yaml"), Buffer.from(`\uFEFF${rightRecipe}`, "utf16le"));
  await writeFile(inside("locked.yaml"), rightRecipe);
  await chmod(inside("locked.yaml"), 0);
  await symlink("loop.yaml", inside("loop.yaml"));
  await symlink("right.yaml", inside("link.yaml"));
  await run(["mkfifo", inside("pipe.yaml")]);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function refusal(file: string): Promise<{ readonly message: string; readonly hint: string | undefined }> {
  const error = await loadRecipe(file).then(
    () => new Error("it was loaded"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Failure) || error.kind !== "usage") throw error;
  return { message: error.message.replaceAll(directory, "DIR"), hint: error.hint };
}

describe("a file", () => {
  it.each(["right.yaml", "link.yaml", "full.yaml"])("%s is read", async (name) => {
    expect(await loadRecipe(inside(name))).toMatchObject({ recipe: { name: "echo" }, file: inside(name) });
  });

  it.each([
    ["missing.yaml", "cannot read the recipe DIR/missing.yaml: there is no such file"],
    ["right.yaml/x.yaml", "cannot read the recipe DIR/right.yaml/x.yaml: there is no such file"],
    ["directory", "cannot read the recipe DIR/directory: it is a directory"],
    ["empty.yaml", "cannot use the recipe DIR/empty.yaml: it is empty"],
    ["large.yaml", "cannot read the recipe DIR/large.yaml: it is larger than 1 MiB"],
    ["utf16.yaml", "cannot read the recipe DIR/utf16.yaml: it is not UTF-8 text"],
    ["loop.yaml", "cannot read the recipe DIR/loop.yaml: its symbolic links lead nowhere"],
    ["pipe.yaml", "cannot read the recipe DIR/pipe.yaml: it is not a regular file"],
    ["nul\0.yaml", "cannot read the recipe DIR/nul\0.yaml: its name has a NUL character"],
  ])("%j is refused with a sentence", async (name, message) => {
    expect((await refusal(inside(name))).message).toBe(message);
  });

  it("with a name that is too long is refused with a sentence", async () => {
    expect((await refusal(inside(`${"x".repeat(300)}.yaml`))).message).toMatch(/: its name is too long$/);
  });

  it.runIf(process.getuid?.() !== 0)("that may not be read is refused with a sentence", async () => {
    expect((await refusal(inside("locked.yaml"))).message).toBe(
      "cannot read the recipe DIR/locked.yaml: it may not be read",
    );
  });

  it("that never ends is no regular file", async () => {
    expect((await refusal("/dev/zero")).message).toBe("cannot read the recipe /dev/zero: it is not a regular file");
  });
});

describe("a name", () => {
  const shipped = async () => (await readdir(path.resolve(import.meta.dirname, "../../recipes"))).sort();

  it("is that of a shipped recipe, and every one of them is right", async () => {
    for (const file of await shipped()) {
      const name = path.basename(file, ".yaml");
      expect((await loadRecipe(name)).recipe.name).toBe(name);
    }
  });

  it("that is mistyped is answered with the nearest one", async () => {
    const { message, hint } = await refusal("dhpcd");
    expect(message).toBe("cannot find the recipe 'dhpcd'");
    expect(hint).toMatch(/^did you mean dhcpd\? shipped are dhcpd/);
  });

  it("that is like none is answered with all of them", async () => {
    const { message, hint } = await refusal("webserver");
    expect(message).toBe("cannot find the recipe 'webserver'");
    expect(hint).toMatch(/^shipped are dhcpd.*; a file is named with its ending or a slash, as \.\/recipe\.yaml$/);
  });
});
