import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createArchive, repackage } from "../support/archive.ts";
import { anotherDay } from "../support/clock.ts";
import { createHostDnf } from "../support/fedora.ts";
import { run } from "../support/run.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { createUser } from "../support/user.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const ready = requireTools("buildah", "apt-get", "dpkg-deb");

describe.runIf(ready)("a lock", () => {
  let workshop: Workshop;
  let file: string;
  let locked: BuiltImage;

  beforeAll(async () => {
    workshop = await createWorkshop();
    file = path.join(workshop.store.directory, "dhcpd.lock");
    const written = await workshop.run(["lock", "--lock-file", file]);
    expect(written).toMatchObject({ exitCode: 0, stdout: `${file}\n` });
    [locked] = (await workshop.build(["--arch", "x86_64", "--locked", "--lock-file", file])) as [BuiltImage];
  });
  afterAll(async () => workshop?.[Symbol.asyncDispose]());

  it("is up to date, and is written the same again", async () => {
    const text = await readFile(file, "utf8");
    expect(await workshop.run(["lock", "--check", "--lock-file", file])).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: `${file} is up to date\n`,
    });
    await workshop.run(["lock", "--lock-file", file, "--arch", "aarch64"]);
    expect(await readFile(file, "utf8")).toBe(text);
    for (const { name, version, sha256 } of locked.packages)
      expect(text).toMatch(
        new RegExp(`name: ${name}\n +version: ${version.replaceAll("+", "\\+")}\n +sha256: ${sha256}\n`),
      );
  });

  it("gives the image that the same packages give without it", async () => {
    const [free] = await workshop.build(["--arch", "x86_64", "--force"]);
    expect(free).toEqual(locked);
  });

  it.runIf(requireTools("root", "setpriv", "useradd", "newuidmap"))(
    "gives the same image on another machine, to an ordinary user with another umask, another cache and another kind of store",
    async () => {
      await using user = await createUser();
      const program = await user.installProgram();
      const theirs = path.join(user.home, "the.lock");
      await copyFile(file, theirs);
      const build = [
        process.execPath,
        program,
        "scratch",
        "--arch",
        "x86_64",
        "--locked",
        "--lock-file",
        theirs,
        "--json",
      ];
      const [command, ...rest] = user.as(["sh", "-c", 'umask 077; exec "$@"', "sh", ...build]);
      const { images } = JSON.parse(await run([command, ...rest], { cwd: user.home })) as { images: BuiltImage[] };
      expect(images[0]?.id).toBe(locked.id);
      await using other = await createWorkshop({ driver: "vfs" });
      const loose = ["sh", "-c", 'umask 000; exec "$@"', "sh"];
      const [image] = await other.build(["--arch", "x86_64", "--locked", "--lock-file", file], { through: loose });
      expect(image?.id).toBe(locked.id);
    },
  );

  it.runIf(requireTools("faketime"))(
    "gives the same image on another day: where the package lists are a year old by now, and on a machine without any",
    async () => {
      const build = ["--arch", "x86_64", "--locked", "--lock-file", file, "--force"];
      const later = await anotherDay(workshop.store.directory);
      expect(await workshop.build(build, later)).toEqual([locked]);
      await using archive = await createArchive();
      await archive.offer(locked.packages.map(({ sha256 }) => path.join(workshop.cache, "sha256", sha256)));
      await using other = await createWorkshop();
      expect(await other.build(build, { ...later, env: { ...later.env, ...archive.env } })).toEqual([locked]);
    },
  );

  it("must be there, of this recipe, and readable", async () => {
    const build = async (...args: readonly string[]) => {
      const { exitCode, stderr } = await workshop.run(["scratch", "--locked", ...args]);
      return { exitCode, stderr };
    };
    expect(await build("--lock-file", `${file}.none`)).toEqual({
      exitCode: 2,
      stderr: `error: cannot read the lock file ${file}.none: file not found\nhint: create it with dhcpd-build lock\n`,
    });
    await writeFile(`${file}.bad`, "lockVersion: 2\n");
    expect(await build("--lock-file", `${file}.bad`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^error: cannot read the lock file \S+: lockVersion: /),
    });
    await writeFile(`${file}.other`, (await readFile(file, "utf8")).replace("recipe: dhcpd", "recipe: other"));
    expect(await build("--lock-file", `${file}.other`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("error: cannot plan dhcpd from the lock: it is of the recipe other\n"),
    });
  });

  it("holds while the archive moves on: from the cache for who has it, else with a table of what is gone", async () => {
    await using archive = await createArchive();
    await using early = await createWorkshop();
    await using late = await createWorkshop();
    const { env } = archive;
    const here = ["--arch", "x86_64", "--lock-file", `${file}.own`];
    const old = (name: string) => {
      const { sha256 = "" } = locked.packages.find((each) => each.name === name) ?? {};
      return path.join(workshop.cache, "sha256", sha256);
    };
    const version = locked.packages.find(({ name }) => name === "libc6")!.version;
    await archive.offer([old("isc-dhcp-server"), old("libc6")]);
    expect(await early.run(["lock", ...here], { env })).toMatchObject({ exitCode: 0 });
    const [before] = await early.build([...here, "--locked"], { env });
    expect(before?.packages).toEqual(locked.packages);

    const newer = path.join(early.store.directory, "libc6.deb");
    await repackage(old("libc6"), `${version}.1`, newer);
    await archive.offer([old("isc-dhcp-server"), newer]);
    const table = `package  locked${" ".repeat(version.length - 4)}found\nlibc6    ${version}  ${version}.1\n`;
    expect(await early.run(["lock", "--check", "--refresh", ...here], { env })).toMatchObject({
      exitCode: 3,
      stdout: `debian 12, x86_64:\n${table}`,
    });
    const [held] = await early.build([...here, "--locked", "--force"], { env });
    expect(held).toEqual(before);
    const [free] = await early.build([...here, "--force"], { env });
    expect(free?.id).not.toBe(before?.id);

    const { exitCode, stderr } = await late.run(["scratch", "--locked", ...here], { env });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining(
        `error: cannot get the packages of the lock, neither from the archive nor from the cache\n${table}hint: `,
      ),
    });
    expect(await late.leftovers()).toEqual([]);

    expect(await late.run(["lock", "--update", "libc6", ...here], { env })).toMatchObject({ exitCode: 0 });
    const [updated] = await late.build([...here, "--locked"], { env });
    expect(updated?.id).toBe(free?.id);
  });

  it("names the packages that a recipe has come to use since", async () => {
    const short = (await readFile(file, "utf8")).replaceAll(/ {6}- name: libc6\n(?: {8}.*\n)+/g, "");
    await writeFile(`${file}.short`, short);
    const { exitCode, stderr } = await workshop.run([
      "scratch",
      "--arch",
      "x86_64",
      "--locked",
      "--lock-file",
      `${file}.short`,
    ]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(
        /^error: cannot build for x86_64 from the lock: the image has other packages\npackage {2}locked {2}found\nlibc6 {4}- {7}2\.\S+\nhint: /m,
      ),
    });
  });
});

describe.runIf(requireTools(...standInTools, "buildah"))("a lock of RPM packages", () => {
  it("holds while the builder's repositories have them, and names those that are gone", async () => {
    const world = await standIn();
    await using workshop = await createWorkshop();
    await loadBase(world.base.dnf5, "localhost/standin:44", workshop.store.env);
    const file = path.join(workshop.store.directory, "dhcpd.lock");
    const fedora = ["--from", "fedora", "--builder", "localhost/standin:44", "--arch", "x86_64", "--lock-file", file];
    expect(await workshop.run(["lock", ...fedora])).toMatchObject({ exitCode: 0, stdout: `${file}\n` });
    const text = await readFile(file, "utf8");
    expect(text).toContain("release: fedora 44\n");
    expect(text).toMatch(/name: dhcp-server\n +version: 12:4\.4\.3-27\.P1\.fc44\n/);
    const [locked] = await workshop.build([...fedora, "--locked"]);
    const [free] = await workshop.build([...fedora, "--force"]);
    expect(locked).toEqual(free);
    if (requireTools("faketime")) {
      const later = await anotherDay(workshop.store.directory);
      expect(await workshop.build([...fedora, "--locked", "--force"], later)).toEqual([locked]);
    }
    await writeFile(file, text.replace("12:4.4.3-27.P1.fc44", "12:4.4.3-26.P1.fc44"));
    const { exitCode, stderr } = await workshop.run(["scratch", ...fedora, "--locked"]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(
        /package {6}locked {15}found\ndhcp-server {2}12:4\.4\.3-26\.P1\.fc44 {2}12:4\.4\.3-27\.P1\.fc44\nhint: /,
      ),
    });
  }, 300_000);

  it.runIf(requireTools("root", "dnf", "unshare"))(
    "holds while the repositories move on: from the cache for who has it, else with a table of what is gone",
    async () => {
      const { through, repository, key } = await createHostDnf(await standIn());
      await using _ = { [Symbol.asyncDispose]: () => rm(path.dirname(key), { recursive: true }) };
      await using early = await createWorkshop();
      await using late = await createWorkshop();
      const file = path.join(early.store.directory, "dhcpd.lock");
      const fedora = ["--from", "fedora", "--arch", "x86_64", "--lock-file", file];
      expect(await early.run(["lock", ...fedora], { through })).toMatchObject({ exitCode: 0 });
      const [before] = await early.build([...fedora, "--locked"], { through });

      const gone = (await readdir(repository)).filter((name) => /^(openldap|gmp)-/.test(name));
      for (const name of gone) await rm(path.join(repository, name));
      await run(["createrepo_c", "--quiet", "--no-database", "."], { cwd: repository });
      const again = ["--locked", "--refresh", "--force"];
      expect(await early.build([...fedora, ...again], { through })).toEqual([before]);
      const { exitCode, stderr } = await late.run(["scratch", ...fedora, ...again], { through });
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringMatching(
          /^error: cannot get the packages of the lock, neither from the archive nor from the cache\npackage +locked +found\ngmp +1:6\.2\.1-2\.fc44 +-\nopenldap +2\.5\.13-2\.fc44 +-\nhint: /m,
        ),
      });
    },
    300_000,
  );
});
