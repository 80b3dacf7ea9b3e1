import { readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

/** A network namespace with nothing in it: every connection fails at once. */
const offline = ["unshare", "--net"];

describe.runIf(requireTools("buildah", "apt-get", "dpkg-deb", "root", "unshare", "mount"))("trouble", () => {
  let workshop: Workshop;
  let image: BuiltImage;
  beforeAll(async () => {
    workshop = await createWorkshop();
    image = (await workshop.build(["--arch", "x86_64"]))[0]!;
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  const rebuild = ["scratch", "--arch", "x86_64", "--force"];
  const blobs = () => {
    const directory = path.join(workshop.cache, "sha256");
    return readdirSync(directory).map((name) => path.join(directory, name));
  };

  it("a build from the cache unpacks nothing again, and does so if what was unpacked is not whole", async () => {
    const unpacks = (stderr: string) => stderr.match(/^.*dpkg-deb --fsys-tarfile.*$/gm)?.length ?? 0;
    const again = await workshop.run(["--verbose", ...rebuild]);
    expect({ exitCode: again.exitCode, unpacked: unpacks(again.stderr) }).toEqual({ exitCode: 0, unpacked: 0 });
    const derived = path.join(workshop.cache, "derived");
    for (const name of readdirSync(derived)) if (name.endsWith(".postinst")) await rm(path.join(derived, name));
    const mended = await workshop.run(["--verbose", ...rebuild]);
    expect(mended.exitCode).toBe(0);
    expect(unpacks(mended.stderr)).toBeGreaterThan(0);
    expect(mended.stdout).toBe(again.stdout);
  });

  it("without network a build from the cache still succeeds", async () => {
    const [again] = await workshop.build(["--arch", "x86_64", "--force"], { through: offline });
    expect(again?.id).toBe(image.id);
  });

  it("without network and without cache it says what it could not fetch", async () => {
    await using empty = await createWorkshop();
    const { stdout, stderr, exitCode } = await empty.run(rebuild, { through: offline });
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
    expect(stderr).toMatch(/^error: cannot fetch the package lists: .+\nhint: .+$/m);
    expect(await empty.leftovers()).toEqual([]);
  });

  it.each([
    ["a changed byte", (file: string) => writeFileSync(file, "x", { flag: "r+" })],
    ["a lost end", (file: string) => truncateSync(file, Math.floor(statSync(file).size / 2))],
    ["nothing left", (file: string) => truncateSync(file, 0)],
  ])("a download with %s is never used, but fetched anew", async (_, damage) => {
    for (const file of blobs()) damage(file);
    const [again] = await workshop.build(["--arch", "x86_64", "--force"]);
    expect(again?.id).toBe(image.id);
  });

  it("a damaged download that cannot be fetched anew is an error, not an image", async () => {
    const files = blobs();
    const whole = await Promise.all(files.map((file) => readFile(file)));
    for (const file of files) truncateSync(file, 10);
    const { stdout, stderr, exitCode } = await workshop.run(rebuild, { through: offline });
    files.forEach((file, i) => {
      writeFileSync(file, whole[i]!);
    });
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
    expect(stderr).toMatch(/^error: cannot (fetch|download) /m);
    expect(await workshop.leftovers()).toEqual([]);
  });

  it("builds at the same time, on an empty cache, do not disturb each other", async () => {
    await using crowded = await createWorkshop();
    const builds = ["x86_64", "aarch64", "x86_64", "all"].map((arch) => crowded.build(["--arch", arch, "--force"]));
    const ids = (await Promise.all(builds)).flat().map(({ arch, id }) => `${arch} ${id}`);
    expect(new Set(ids).size).toBe(2);
    expect(ids).toContain(`x86_64 ${image.id}`);
    expect(await crowded.leftovers()).toEqual([]);
  });

  it.each(["XDG_CACHE_HOME", "TMPDIR"])("a full disk under %s is said in a sentence", async (variable) => {
    const full = await mkdtemp(path.join(tmpdir(), "full-"));
    await run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", full]);
    try {
      const { stdout, stderr, exitCode } = await workshop.run(rebuild, { env: { [variable]: full } });
      expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
      expect(stderr).toMatch(/^error: cannot .+/m);
      expect(stderr).toMatch(/no space left|disk is full/i);
      expect(stderr).not.toMatch(/^ {4}at /m);
      expect(await workshop.store.containers()).toEqual([]);
    } finally {
      await run(["umount", full]);
      await rm(full, { recursive: true });
    }
  });

  it("a disk that is full when packages are downloaded is said in a sentence, where apt would try for ever", async () => {
    const small = await mkdtemp(path.join(tmpdir(), "small-"));
    await run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", small]);
    try {
      const env = { XDG_CACHE_HOME: small };
      await workshop.build(["--arch", "x86_64", "--force"], { env });
      for (const part of ["sha256", "derived"]) await rm(path.join(small, "dhcpd-build", part), { recursive: true });
      const { bavail, bsize } = await statfs(small);
      await run(["fallocate", "-l", String((bavail - 100) * bsize), path.join(small, "filling")]);
      const { stdout, stderr, exitCode } = await workshop.run(rebuild, { env });
      expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
      expect(stderr).toMatch(/^error: cannot download .*: no space left on device: .+\nhint: /m);
    } finally {
      await run(["umount", small]);
      await rm(small, { recursive: true });
    }
  });

  it("a package that does not exist is named", async () => {
    const recipe = path.join(workshop.env.TMPDIR!, "recipe.yaml");
    const shipped = await readFile("recipes/dhcpd.yaml", "utf8");
    writeFileSync(recipe, shipped.replace("debian: [isc-dhcp-server]", "debian: [isc-dhcp-servant]"));
    const { stdout, stderr, exitCode } = await workshop.run([...rebuild, "--recipe", recipe]);
    await rm(recipe);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
    expect(stderr).toMatch(/^error: cannot .*isc-dhcp-servant/m);
  });

  it.each([
    ["an architecture that no image can have", ["scratch", "--arch", "mips"], /mips/],
    ["a name that is no image name", ["scratch", "--name", "Upper Case"], /Upper Case/],
    ["a recipe that is not there", ["scratch", "--recipe", "no-such-recipe"], /no-such-recipe/],
    ["a family that nobody has", ["scratch", "--from", "gentoo"], /gentoo/],
    ["an option that does not exist", ["scratch", "--no-such-option"], /no-such-option/],
    ["a verb that does not exist", ["scratsh"], /scratsh/],
    ["a word too many", ["scratch", "now"], /argument/],
  ])("%s is a usage error: exit code 2, one sentence, nothing done", async (_, args, sentence) => {
    const { stdout, stderr, exitCode } = await workshop.run(args);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});
