import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeFileCapabilities } from "../../src/packages/capability.ts";
import { attributeAt, attributeOf, filesOf, throughConfiguration, writeRecipe } from "../support/fedora.ts";
import { run } from "../support/run.ts";
import { standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const canBuild = requireTools(...standInTools, "root", "buildah", "dnf", "rpmkeys", "rpm2archive", "unshare");

describe.runIf(canBuild && requireTools("getfattr", "setcap"))("what RPM headers say of files", () => {
  let workshop: Workshop;
  let through: readonly string[];
  const build = async (
    program: string,
    name: string,
    more: { readonly files?: readonly string[]; readonly directories?: readonly string[] } = {},
  ) => {
    const file = path.join(workshop.cache, "../recipe.yaml");
    const recipe = await writeRecipe(file, { program, packages: [name], ...more });
    const args = ["scratch", "--recipe", recipe, "--from", "fedora", "--arch", "x86_64", "--json"];
    const ended = await workshop.run(args, { through });
    return { ...ended, image: () => (JSON.parse(ended.stdout) as { images: readonly BuiltImage[] }).images[0]! };
  };

  beforeAll(async () => {
    const world = await standIn();
    workshop = await createWorkshop();
    through = await throughConfiguration(world.reposDir, workshop.store.directory);
    await run(["mkdir", "-p", workshop.cache]);
  }, 600_000);
  afterAll(() => workshop?.[Symbol.asyncDispose]());

  it("file capabilities are in the image, those of the kernel's own format and no others", async () => {
    const built = await build("/usr/bin/ping", "iputils");
    expect(built).toMatchObject({ exitCode: 0 });
    const { id } = built.image();
    expect(await attributeOf(id, "/usr/bin/ping", "security.capability", workshop.store)).toBe(
      Buffer.from(encodeFileCapabilities("cap_net_raw=ep")!).toString("hex"),
    );
    expect(await attributeOf(id, "/usr/lib64/libc.so.6", "security.capability", workshop.store)).toBe("");
  });

  it("a set-group-ID program belongs to its group, whose number setup's /etc/group tells", async () => {
    const built = await build("/usr/libexec/utempter/utempter", "libutempter");
    expect(built).toMatchObject({ exitCode: 0 });
    const files = await filesOf(built.image().id, workshop.store);
    expect(files.find((file) => file.path === "/usr/libexec/utempter/utempter")).toMatchObject({
      mode: "-rwx--s--x",
      owner: "0/22",
    });
    // Looked into for the number, and not taken.
    expect(built.image().packages.map(({ name }) => name)).not.toContain("setup");
  });

  it("an owner without a number is no obstacle where nothing of theirs is needed", async () => {
    expect(await build("/usr/bin/chronyd", "chrony")).toMatchObject({ exitCode: 0 });
  });

  it("an owner without a number is a sentence where something is", async () => {
    const { exitCode, stderr } = await build("/usr/bin/chronyd", "chrony", { files: ["/var/lib/chrony/drift"] });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      "error: cannot tell the number of the user chrony, who owns /var/lib/chrony\n" +
        "hint: no package gives it a fixed number; give the file or directory its owner in the recipe\n",
    );
  });

  it("the owner that the recipe gives to a directory is its owner", async () => {
    const built = await build("/usr/bin/chronyd", "chrony", {
      files: ["/var/lib/chrony/drift"],
      directories: ["/var/lib/chrony"],
    });
    expect(built).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("localhost/other:4.3-x86_64") });
  });

  it.each([
    "cap_net_raw=p",
    "cap_net_raw=ep",
    "cap_net_admin,cap_net_raw=eip",
    "cap_setuid=p cap_setgid=ip",
    "cap_bpf=p",
    "=p",
  ])("%s is written as setcap writes it", async (text) => {
    const directory = await mkdtemp(path.join(tmpdir(), "setcap-"));
    try {
      const file = path.join(directory, "program");
      await copyFile("/bin/true", file);
      await run(["setcap", text, file]);
      const ours = Buffer.from(encodeFileCapabilities(text)!).toString("hex");
      expect(ours).toBe(await attributeAt(file, "security.capability"));
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("leave nothing behind", async () => {
    expect(await workshop.leftovers()).toEqual([]);
  });
});
