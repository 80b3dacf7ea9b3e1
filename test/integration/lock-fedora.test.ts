import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CliOptions } from "../support/cli.ts";
import { writeRecipe } from "../support/fedora.ts";
import { startRegistry } from "../support/registry.ts";
import { createRpmArchive, type RpmArchive } from "../support/rpm-archive.ts";
import { run } from "../support/run.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const old = [
  { name: "served", version: "1.0", requires: "served-libs" },
  { name: "served-libs", version: "1.0" },
];
const newer = { name: "served-libs", version: "1.1" };
const base = "localhost/moving:44";

describe.runIf(requireTools(...standInTools, "buildah", "skopeo")).each(["dnf5", "dnf4"] as const)(
  "a lock of OS-based images whose base has %s",
  (manager) => {
    let archive: RpmArchive;
    let workshop: Workshop;
    let common: readonly string[];
    let file: string;
    let first: BuiltImage;
    const said = async (verb: readonly string[], ...args: readonly string[]) => {
      const { stdout, stderr, exitCode } = await workshop.run([...verb, ...common, ...args]);
      return { stdout, stderr, exitCode };
    };
    const build = async (...args: readonly string[]) => {
      const { stdout, stderr, exitCode } = await said(["fedora"], "--force", "--json", ...args);
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
      return (JSON.parse(stdout) as { images: readonly BuiltImage[] }).images[0]!;
    };
    /** Gives the base's name to another image than before. */
    const moveBase = async (mark: string) => {
      const { env } = workshop.store;
      const container = await run(["buildah", "from", "--quiet", "localhost/standin:44"], { env });
      await run(["buildah", "copy", "--quiet", container, archive.repoFile, "/etc/yum.repos.d/standin.repo"], { env });
      await run(["buildah", "config", "--label", `mark=${mark}`, container], { env });
      await run(["buildah", "commit", "--quiet", "--rm", "--timestamp", "1700000000", container, base], { env });
    };

    beforeAll(async () => {
      const world = await standIn();
      [archive, workshop] = await Promise.all([createRpmArchive(), createWorkshop()]);
      await loadBase(world.base[manager], "localhost/standin:44", workshop.store.env);
      await moveBase("one");
      await archive.offer(old);
      const { directory } = workshop.store;
      file = path.join(directory, "other.lock");
      const recipe = path.join(directory, "recipe.yaml");
      await writeRecipe(recipe, { program: "/usr/bin/served", packages: ["served"] });
      common = ["--recipe", recipe, "--base", base, "--lock-file", file, "--arch", "x86_64"];
      first = await build();
    }, 600_000);
    afterAll(async () => {
      await workshop?.[Symbol.asyncDispose]();
      await archive?.[Symbol.asyncDispose]();
    });

    it("has what the installation brought, and no package of the base", async () => {
      expect(await said(["lock", "fedora"])).toMatchObject({ exitCode: 0, stdout: `${file}\n` });
      const text = await readFile(file, "utf8");
      expect(
        [...text.matchAll(/ - name: (.*)\n +version: (.*)\n +arch: (.*)$/gm)].map((match) => match.slice(1)),
      ).toEqual([
        ["served", "1.0-1.fc44", "x86_64"],
        ["served-libs", "1.0-1.fc44", "x86_64"],
      ]);
      expect(text).toMatch(/base: localhost\/moving:44\n +digest: sha256:[0-9a-f]{64}\n/);
      expect(await workshop.leftovers()).toEqual([]);
    });

    // What is marked so is the same with either manager.
    const isOnce = manager === "dnf5";

    it.runIf(isOnce)(
      "gives the image that the same packages give without it, and needs no work the second time",
      async () => {
        expect(await build("--locked")).toEqual(first);
        expect((await said(["fedora"], "--locked")).stderr).toContain("nothing to do");
      },
    );

    it("holds while the repository and the base move on", async () => {
      await archive.offer([...old, newer]);
      await moveBase("two");
      const { stdout, exitCode } = await said(["lock", "fedora"], "--check");
      expect(exitCode).toBe(3);
      expect(stdout).toMatch(
        /^localhost\/moving:44, x86_64:\npackage +locked +found\nlocalhost\/moving:44 +sha256:\w+ +sha256:\w+\nserved-libs\.x86_64 +1\.0-1\.fc44 +1\.1-1\.fc44\n$/,
      );
      expect((await build()).packages.find(({ name }) => name === "served-libs")?.version).toBe("1.1-1.fc44");
      expect(await build("--locked")).toEqual(first);
    });

    it.runIf(isOnce)("is renewed for one package, with the base as it was", async () => {
      const before = await readFile(file, "utf8");
      expect(await said(["lock", "fedora"], "--update", "served-libs")).toMatchObject({ exitCode: 0 });
      const after = await readFile(file, "utf8");
      expect(after.match(/digest: .*/g)).toEqual(before.match(/digest: .*/g));
      expect([...after.matchAll(/version: (.*)/g)].map(([, version]) => version)).toEqual(["1.0-1.fc44", "1.1-1.fc44"]);
      expect((await build("--locked")).id).not.toBe(first.id);
      await writeFile(file, before);
    });

    it.runIf(isOnce)("names what the repository has no more, and what has come to be needed", async () => {
      await archive.offer([old[0]!, newer]);
      expect(await said(["fedora"], "--locked", "--force")).toEqual({
        exitCode: 1,
        stdout: "",
        stderr: expect.stringMatching(
          /^error: cannot get the packages of the lock from the repositories of localhost\/moving:44\npackage +locked +found\nserved-libs\.x86_64 +1\.0-1\.fc44 +1\.1-1\.fc44\nhint: .*dhcpd-build lock fedora --update PACKAGE\n$/m,
        ),
      });
      await archive.offer([old[0]!, { ...old[1]!, requires: "more" }, { name: "more", version: "2" }]);
      expect((await said(["fedora"], "--locked", "--force")).stderr).toMatch(
        /^error: cannot build for x86_64 from the lock: the image has other packages\npackage +locked +found\nmore\.x86_64 +- +2-1\.fc44\nserved-libs\.x86_64 +1\.0-1\.fc44 \(SHA-256 \w+\) +1\.0-1\.fc44 \(SHA-256 \w+\)\nhint: /m,
      );
      expect(await workshop.leftovers()).toEqual([]);
    });

    it.runIf(isOnce)("can be of nothing, where the base has it all, and is renewed as a whole", async () => {
      await archive.offer(old);
      const full = "localhost/full:44";
      const { env } = workshop.store;
      await run(["buildah", "tag", first.id, full], { env });
      const nothing = path.join(workshop.store.directory, "nothing.lock");
      const there = ["--base", full, "--lock-file", nothing];
      expect(await said(["lock", "fedora"], ...there)).toMatchObject({ exitCode: 0 });
      expect(await readFile(nothing, "utf8")).toContain("packages: []");
      expect(await said(["lock", "fedora"], "--check", ...there)).toMatchObject({ exitCode: 0 });
      expect(await said(["fedora"], "--locked", ...there, "--name", "localhost/again")).toMatchObject({ exitCode: 0 });
      const all = ["--update", "served", "--update", "served-libs"];
      expect(await said(["lock", "fedora"], ...all)).toMatchObject({ exitCode: 0 });
      expect(await said(["lock", "fedora"], "--update", "glibc")).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining(
          "error: cannot update glibc: it is not in the lock of fedora images\nhint: it contains served, served-libs; dhcpd-build lock fedora updates all",
        ),
      });
    });

    it.runIf(isOnce && requireTools("docker-registry"))(
      "gives the same image on another machine, with the base out of a registry by its digest, another cache and another umask",
      async () => {
        await using registry = await startRegistry();
        await using other = await createWorkshop();
        const name = `${registry.host}/group/moving:44`;
        const withoutTls = "--tls-verify=false";
        await run(["buildah", "push", "--quiet", withoutTls, base, `docker://${name}`], { env: workshop.store.env });
        const trusting = path.join(other.store.directory, "registries.conf");
        await writeFile(trusting, `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`);
        const env = { CONTAINERS_REGISTRIES_CONF: trusting };
        const theirs = path.join(other.store.directory, "other.lock");
        const recipe = common[1]!;
        const args = ["--recipe", recipe, "--base", name, "--lock-file", theirs, "--arch", "x86_64"];
        expect(await other.run(["lock", "fedora", ...args], { env })).toMatchObject({ exitCode: 0 });
        const build = async (where: Workshop, options: CliOptions = {}) => {
          const { stdout, stderr, exitCode } = await where.run(["fedora", "--locked", "--json", ...args], {
            ...options,
            env,
          });
          if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
          return (JSON.parse(stdout) as { images: readonly BuiltImage[] }).images[0]!.id;
        };
        await using third = await createWorkshop();
        const id = await build(third, { through: ["sh", "-c", 'umask 077; exec "$@"', "sh"] });
        // The name means another image now; the lock goes by the digest.
        const { env: store } = workshop.store;
        const empty = await run(["buildah", "from", "scratch"], { env: store });
        const moved = await run(["buildah", "commit", "--quiet", "--rm", empty], { env: store });
        await run(["buildah", "push", "--quiet", withoutTls, moved, `docker://${name}`], { env: store });
        expect(await build(other)).toBe(id);
      },
    );

    it.runIf(isOnce)("must know the base", async () => {
      const { stderr, exitCode } = await said(["fedora"], "--locked", "--base", "localhost/standin:44");
      expect({ stderr, exitCode }).toEqual({
        exitCode: 2,
        stderr: expect.stringContaining(
          "error: cannot plan other from the lock: it has nothing of an image on localhost/standin:44 for x86_64\n" +
            "hint: dhcpd-build lock fedora --base localhost/standin:44 --arch x86_64 adds it\n",
        ),
      });
    });
  },
);
