import { chmodSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CycloneDx } from "../../src/report/cyclonedx.ts";
import { type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";
import {
  type AptRepository,
  createAptRepository,
  type HandMadePackage,
  handMadeTar,
  type TarMember,
} from "../support/apt-repository.ts";
import type { Ended } from "../support/cli.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canBuild =
  process.arch === "x64" &&
  requireTools("root", "buildah", "apt-get", "dpkg-deb", "gcc", "gpg", "setcap", "setfattr", "getcap");
const program = "/usr/bin/prog";

describe.runIf(canBuild)("a package that means harm", () => {
  let workshop: Workshop;
  let repository: AptRepository;
  let world: TinyWorld;
  let work = "";

  beforeAll(async () => {
    work = mkdtempSync(path.join(tmpdir(), "hostile-packages-"));
    world = tinyWorld().program(program);
    const bytes = readFileSync(path.join(world.root, program));
    const tar = (...members: readonly TarMember[]) => ({
      tar: handMadeTar([{ name: "./usr/bin/prog", type: "0", bytes }, ...members]),
    });
    const damaged = handMadeTar([{ name: "./usr/bin/prog", type: "0", bytes }]).fill(0x41, 148, 156);
    const hostile: Readonly<Record<string, HandMadePackage["content"]>> = {
      climbing: tar({ name: "./usr/../../../escaped", type: "0", bytes: Buffer.from("out") }),
      "through-link": tar(
        { name: "./usr/share/out", type: "2", link: work },
        { name: "./usr/share/out/escaped", type: "0", bytes: Buffer.from("out") },
      ),
      device: tar({ name: "./dev/sda", type: "3" }, { name: "./usr/lib/devices/sda", type: "3" }),
      "linked-out": { tar: handMadeTar([{ name: "./usr/bin/prog", type: "2", link: "/../../../etc/shadow" }]) },
      "linked-to-nothing": tar({ name: "./usr/bin/other", type: "1", link: "./usr/bin/nobody" }),
      "two-names": tar({ name: "./usr/bin/twin", type: "1", link: "./usr/bin/prog" }),
      "first-of-two": tar({ name: "./usr/share/both", type: "0", bytes: Buffer.from("one") }),
      "second-of-two": { tar: handMadeTar([{ name: "./usr/share/both", type: "0", bytes: Buffer.from("two") }]) },
      damaged: { tar: damaged },
      bracketed: tar({
        name: "./usr/share/doc/bracketed/copyright",
        type: "0",
        mode: 0o644,
        bytes: Buffer.from(
          `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nLicense: ${"(".repeat(100_000)}\n`,
        ),
      }),
    };
    const packages = Object.entries(hostile).map(([name, content]) => ({ name, depends: "libc6", content }));
    repository = createAptRepository([...packages, await privileged()]);
    workshop = await createWorkshop();
  });
  afterAll(async () => {
    await workshop[Symbol.asyncDispose]();
    repository[Symbol.dispose]();
    world[Symbol.dispose]();
    rmSync(work, { recursive: true, force: true });
  });

  /** A program with everything that a tar can say of a file. */
  async function privileged(): Promise<HandMadePackage> {
    const directory = path.join(work, "privileged");
    mkdirSync(path.join(directory, "usr/bin"), { recursive: true });
    const [prog, twin, setuid] = ["prog", "twin", "setuid"].map((name) => path.join(directory, "usr/bin", name)) as [
      string,
      string,
      string,
    ];
    for (const file of [prog, setuid])
      writeFileSync(file, readFileSync(path.join(world.root, program)), { mode: 0o755 });
    await run(["setcap", "cap_net_raw=ep", prog]);
    await run(["setfattr", "--name=user.told", "--value=by the package", prog]);
    linkSync(prog, twin);
    chmodSync(setuid, 0o4755);
    return { name: "privileged", depends: "libc6", content: { directory } };
  }

  function build(packages: readonly string[], scratch: object = {}, ...options: readonly string[]): Promise<Ended> {
    const recipe = path.join(work, `${packages.join("-")}.yaml`);
    writeFileSync(
      recipe,
      JSON.stringify({
        ...{ name: packages[0], title: "hostile", license: "MIT", arches: ["x86_64"] },
        service: { command: [program], user: "0:0" },
        scratch: { binaries: [program], packages: { debian: packages }, ...scratch },
      }),
    );
    return workshop.run(["scratch", "--json", "--recipe", recipe, ...options], { env: repository.env });
  }

  it.each([
    ["climbing", {}, 'cannot read package climbing 1.0: the name "./usr/../../../escaped" leaves the root'],
    ["linked-to-nothing", {}, "cannot read package linked-to-nothing 1.0: ./usr/bin/other is a hard link to nothing"],
    ["damaged", {}, "cannot read package damaged 1.0: a header has a number that is not octal"],
    ["device", { include: ["/usr/lib/devices"] }, "cannot include /usr/lib/devices/sda: it is a device or a pipe"],
    [
      "linked-out",
      {},
      "cannot find the program /usr/bin/prog: /usr/bin/prog leads to /etc/shadow, which no package has",
    ],
    [
      "through-link",
      {},
      "cannot read package through-link 1.0: /usr/share/out/escaped lies below /usr/share/out, which is no directory",
    ],
  ])("is refused in a sentence: %s", async (name, scratch, sentence) => {
    const { exitCode, stdout, stderr } = await build([name], scratch);
    expect(stderr).toContain(`error: ${sentence}`);
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  });

  it("is refused where it has another's file, once that is wanted", async () => {
    const both = ["first-of-two", "second-of-two"];
    const { exitCode, stderr } = await build(both, { include: ["/usr/share/both"] });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      "error: cannot take /usr/share/both: the packages first-of-two and second-of-two both have it, and not the same",
    );
    expect((await build(both)).exitCode).toBe(0);
  });

  it("has no license where its copyright file has a hundred thousand brackets", async () => {
    const { exitCode, stdout, stderr } = await build(["bracketed"]);
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining("error")]);
    const bill = await workshop.run(["sbom", JSON.parse(stdout).images[0].references[0]]);
    const { components } = JSON.parse(bill.stdout) as CycloneDx;
    expect(components.find(({ name }) => name === "bracketed")?.licenses).toBeUndefined();
  });

  it("keeps what it says of files: two names of one, setuid, capabilities and other attributes", async () => {
    const { stdout, stderr } = await build(["privileged"], { include: ["/usr/bin"] });
    expect(stderr).not.toContain("error:");
    const { env } = workshop.store;
    const container = await run(["buildah", "from", JSON.parse(stdout).images[0].id], { env });
    const bin = `${await run(["buildah", "mount", container], { env })}/usr/bin`;
    const listed = await run(["find", bin, "-type", "f", "-printf", "%f %#m %n\n"]);
    expect(listed.split("\n").sort()).toEqual(["prog 0755 2", "setuid 04755 1", "twin 0755 2"]);
    expect(await run(["getcap", `${bin}/prog`])).toContain("cap_net_raw=ep");
    expect(await run(["getfattr", "--only-values", "--name=user.told", "--absolute-names", `${bin}/prog`])).toBe(
      "by the package",
    );
    await run(["buildah", "rm", container], { env });
  });

  it.each(["another key", "nobody"] as const)(
    "is not even looked at when its index is signed by %s",
    async (signer) => {
      repository.sign(signer);
      const { exitCode, stdout, stderr } = await build(["two-names"], {}, "--refresh");
      repository.sign("its key");
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toMatch(/error: cannot trust the package lists: /);
      expect(stderr).toContain("hint: ");
    },
  );

  it("has written nothing outside", async () => {
    expect(readdirSync(work).filter((name) => name.includes("escaped"))).toEqual([]);
    expect(await workshop.leftovers()).toEqual([]);
  });
});
