import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processesRootedIn, writeRecipe } from "../support/fedora.ts";
import { run } from "../support/run.ts";
import { findMirror } from "../support/standin/debian.ts";
import { loadBase, type StandIn, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { createUser } from "../support/user.ts";
import { type BuiltImage, createWorkshop, processesWith, type Workshop } from "../support/workshop.ts";

const image = "localhost/standin:44";
const debian = "localhost/debian:12";
const fromFedora = ["scratch", "--from", "fedora", "--arch", "x86_64", "--builder"] as const;

describe.runIf(requireTools(...standInTools, "buildah", "skopeo"))("bases and builders", () => {
  let world: StandIn;
  let workshop: Workshop;
  const said = async (...args: readonly string[]) => {
    const { stdout, stderr, exitCode } = await workshop.run(args);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
    return stderr;
  };

  beforeAll(async () => {
    world = await standIn();
    workshop = await createWorkshop();
    const { env } = workshop.store;
    await loadBase(world.base.dnf5, image, env);
    const empty = await run(["buildah", "from", "scratch"], { env });
    await run(["buildah", "commit", "--quiet", "--rm", empty, "localhost/empty:1"], { env });
  }, 600_000);
  afterAll(() => workshop?.[Symbol.asyncDispose]());

  describe("in trouble say in a sentence", () => {
    it.each([
      ["a base that no registry gives", ["fedora", "--base", "registry.invalid/base:44"], "registry.invalid/base:44"],
      ["a builder likewise", [...fromFedora, "registry.invalid/builder:44"], "registry.invalid/builder:44"],
    ])("%s", async (_, args, name) => {
      expect(await said(...args)).toMatch(
        new RegExp(`^error: cannot get the image ${name} for x86_64: .*\nhint: check its name and the network`, "m"),
      );
    });

    it("a base that is there, but for another architecture", async () => {
      expect(await said("fedora", "--arch", "aarch64", "--base", image)).toMatch(
        /^error: cannot get the image localhost\/standin:44 for aarch64: /m,
      );
    });

    it("a base without a package manager", async () => {
      expect(await said("fedora", "--arch", "x86_64", "--base", "localhost/empty:1")).toContain(
        "error: cannot install packages into localhost/empty:1: it has none of dnf5, dnf, microdnf\n" +
          "hint: an OS-based image needs a base with a package manager, such as fedora-minimal; see --base\n",
      );
    });

    it("a builder without dnf", async () => {
      expect(await said(...fromFedora, "localhost/empty:1")).toContain(
        "error: cannot use Fedora's packages: there is no dnf\n" +
          "hint: install it, or name an image that has it: --builder IMAGE\n",
      );
    });

    it("a package that no repository has", async () => {
      const file = path.join(workshop.store.directory, "recipe.yaml");
      const recipe = await writeRecipe(file, { program: "/usr/bin/x", packages: ["nosuch-server"] });
      expect(await said("fedora", "--recipe", recipe, "--arch", "x86_64", "--base", image)).toContain(
        `error: cannot install nosuch-server into ${image}: its repositories have no such package\n` +
          "hint: check the name in the recipe's fedora.packages\n",
      );
      expect(await said(...fromFedora, image, "--recipe", recipe)).toContain(
        "error: cannot find package nosuch-server for x86_64: dnf's repositories have none of that name\n",
      );
    });

    it("and leave nothing behind", async () => {
      expect(await workshop.leftovers()).toEqual([]);
    });
  });

  describe.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("interrupted by %s", (signal, code) => {
    it.each([
      ["while packages are installed", ["fedora", "--arch", "x86_64", "--base", image, "--force"], " install -y ", 600],
      ["while metadata is fetched", [...fromFedora, image, "--force", "--refresh"], " makecache", 0],
      ["while dnf is asked", [...fromFedora, image, "--force"], " repoquery ", 200],
      ["while packages are downloaded", [...fromFedora, image, "--force"], " download --destdir", 200],
    ])("%s leave nothing behind", async (_, args, moment, after) => {
      await run(["rm", "-rf", path.join(workshop.cache, "derived")]);
      const { stdout, stderr, exitCode } = await workshop.run(["--verbose", ...args], {
        interrupt: { signal, when: (soFar) => soFar.includes(moment), after },
      });
      expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: code });
      expect(stderr).toContain(`interrupted by ${signal}`);
      expect(await workshop.leftovers()).toEqual([]);
      // In a builder or base the commands are another process group's, in a root of their own.
      expect(await processesWith(workshop.env.TMPDIR!)).toEqual([]);
      expect(await processesWith(workshop.cache)).toEqual([]);
      expect([
        ...(await processesRootedIn(workshop.store.directory)),
        ...(await processesRootedIn(workshop.env.TMPDIR!)),
      ]).toEqual([]);
      expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(workshop.cache);
    });
  });

  it.runIf(requireTools("root", "setpriv", "useradd", "newuidmap"))(
    "serve an ordinary user as they serve root, to the same image",
    async () => {
      const ours = await workshop.run([...fromFedora, image, "--json"]);
      const { images: built } = JSON.parse(ours.stdout) as { images: readonly BuiltImage[] };
      await using user = await createUser();
      const program = await user.installProgram();
      const as = (...command: readonly string[]) => run(user.as(command), { cwd: user.home });
      const base = path.join(user.home, "base");
      await run(["cp", "-r", world.base.dnf5.replace("oci:", ""), base]);
      await run(["chown", "-R", `${user.name}:`, base]);
      await as("skopeo", "copy", "--quiet", `oci:${base}`, `containers-storage:${image}`);
      const theirs = await as(process.execPath, program, ...fromFedora, image, "--json");
      expect((JSON.parse(theirs) as { images: readonly BuiltImage[] }).images[0]?.id).toBe(built[0]?.id);
      const based = ["fedora", "--arch", "x86_64", "--base", image, "--json"];
      const { images: os } = JSON.parse(await as(process.execPath, program, ...based)) as {
        images: readonly BuiltImage[];
      };
      expect(os[0]?.references[0]).toBe("localhost/dhcpd-fedora:4.4.3-x86_64");
    },
    300_000,
  );

  it.runIf(requireTools("apt-get", "dpkg-deb"))(
    "of Debian give Debian's packages, for all architectures at once, as this machine's apt does",
    async () => {
      const { env } = workshop.store;
      const tar = path.join(workshop.store.directory, "debian.tar");
      const { bookworm } = await findMirror(run);
      await run(["mmdebstrap", "--quiet", "--variant=apt", "bookworm", tar, bookworm]);
      const container = await run(["buildah", "from", "scratch"], { env });
      await run(["buildah", "add", "--quiet", container, tar, "/"], { env });
      await run(["buildah", "commit", "--quiet", "--rm", container, debian], { env });
      await run(["rm", tar]);
      const images = await workshop.build([
        "--from",
        "debian",
        "--builder",
        debian,
        "--arch",
        "all",
        "--name",
        "localhost/deb",
      ]);
      expect(images.map(({ arch }) => arch).sort()).toEqual(["aarch64", "x86_64"]);
      expect(images.flatMap(({ packages }) => packages.map(({ name }) => name))).toContain("isc-dhcp-server");
      const forced = ["--from", "debian", "--builder", debian, "--arch", "all", "--name", "localhost/deb", "--force"];
      expect(await workshop.build(forced)).toEqual(images);
      expect(await workshop.leftovers()).toEqual([]);
    },
    300_000,
  );
});
