import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CycloneDx } from "../../src/report/cyclonedx.ts";
import type { Spdx } from "../../src/report/spdx.ts";
import { dependencyList, goBuildInformation, goLines, linkedSource } from "../elf/linked-source.ts";
import { type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";
import { type AptRepository, createAptRepository } from "../support/apt-repository.ts";
import { buildVariant } from "../support/proof.ts";
import { run } from "../support/run.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { byName, type Scanned, scanArchive, scanBill, scannerTools } from "../support/trivy.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canScan = process.arch === "x64" && requireTools(...scannerTools, "root", "buildah", "apt-get", "dpkg-deb");
const base = "localhost/standin:44";

// The scanner unpacks itself at each start, which takes a busy machine half a minute.
describe.runIf(canScan)("what a scanner reads", { timeout: 600_000 }, () => {
  let workshop: Workshop;
  let work = "";

  beforeAll(async () => {
    workshop = await createWorkshop();
    work = mkdtempSync(path.join(tmpdir(), "scanner-"));
  });
  afterAll(async () => {
    await workshop[Symbol.asyncDispose]();
    rmSync(work, { recursive: true, force: true });
  });

  async function bill(image: string, format: "cyclonedx"): Promise<CycloneDx>;
  async function bill(image: string, format: "spdx"): Promise<Spdx>;
  async function bill(image: string, format: string): Promise<object> {
    const { stdout, stderr, exitCode } = await workshop.run(["sbom", image, "--format", format]);
    if (exitCode !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  }

  async function archived(image: string): Promise<string> {
    const archive = path.join(work, `${image.replaceAll(/[^a-z0-9]/g, "-")}.tar`);
    await run(["buildah", "push", "--quiet", image, `docker-archive:${archive}`], { env: workshop.store.env });
    return archive;
  }

  /** The bill's packages of the distribution, in the scanner's words. */
  function packagesOf({ components }: CycloneDx): readonly Scanned[] {
    const packages = components.filter(({ purl, pedigree }) => purl !== undefined && pedigree !== undefined);
    return packages
      .map(({ name, version = "", purl = "", pedigree }) => {
        const source = pedigree?.ancestors[0];
        const arch = /[?&]arch=([^&]+)/.exec(purl)?.[1] ?? "";
        return { name, version, arch, source: `${source?.name} ${source?.version}` };
      })
      .sort(byName);
  }

  /** As an earlier version of the format, which is all that this version of the scanner reads. */
  function asOlder(document: CycloneDx): object {
    const { metadata, ...rest } = document;
    return { ...rest, specVersion: "1.5", metadata: { ...metadata, tools: [] } };
  }

  it("of Debian's packages in the image itself is what is in the bill, which it reads in both formats", async () => {
    const image = await buildVariant(workshop, { name: "scanned", metadata: "dpkg-status-d" });
    const document = await bill(image, "cyclonedx");
    const expected = packagesOf(document);
    expect(expected.map(({ name }) => name)).toEqual(expect.arrayContaining(["isc-dhcp-server", "libc6"]));
    const found = await scanArchive(await archived(image));
    expect(found.packages).toEqual(expected);
    expect(found.system).toMatch(/^debian \d+$/);
    // It writes versions small that it takes from package URLs.
    const small = expected.map((each) => ({ ...each, version: each.version.toLowerCase() }));
    for (const each of [asOlder(document), await bill(image, "spdx")]) {
      const read = await scanBill(each);
      expect(read.system).toBe(found.system);
      expect(read.packages).toEqual(small);
    }
  });

  describe.runIf(requireTools("gcc", "gpg"))("of programs that list what is linked into them", () => {
    let world: TinyWorld;
    let repository: AptRepository;
    let image = "";

    beforeAll(async () => {
      const lines = goLines(
        [
          ["mod", "example.org/prog", "v1.0.0", "h1:own="],
          ["dep", "example.org/Lib/v2", "v2.0.1", "h1:one="],
          ["dep", "golang.org/x/sys", "v0.3.0", "h1:two="],
        ],
        { CGO_ENABLED: "0" },
      );
      const crates = [
        { name: "serde", version: "1.0.1", source: "crates.io", kind: "runtime", dependencies: [] },
        { name: "rusty", version: "0.1.0", source: "local", kind: "runtime", root: true, dependencies: [0] },
      ];
      world = tinyWorld()
        .program("/usr/bin/prog", {
          source: linkedSource("prog", ".go.buildinfo", goBuildInformation("go1.22.1", lines)),
        })
        .program("/usr/bin/rusty", {
          source: linkedSource("rusty", ".dep-v0", dependencyList({ packages: crates })),
        });
      const directory = path.join(work, "linked");
      mkdirSync(path.join(directory, "usr/bin"), { recursive: true });
      for (const name of ["prog", "rusty"]) {
        const program = readFileSync(path.join(world.root, "usr/bin", name));
        writeFileSync(path.join(directory, "usr/bin", name), program, { mode: 0o755 });
      }
      const builtUsing = "golang-1.22 (= 1.22.1-1), golang-golang-x-sys (= 0.3.0-1)";
      repository = createAptRepository([
        { name: "linked", depends: "libc6", fields: { "Static-Built-Using": builtUsing }, content: { directory } },
      ]);
      const recipe = path.join(work, "linked.yaml");
      writeFileSync(
        recipe,
        JSON.stringify({
          ...{ name: "linked", title: "Linked", license: "MIT", arches: ["x86_64"] },
          service: { command: ["/usr/bin/prog"], user: "0:0" },
          scratch: { binaries: ["/usr/bin/prog", "/usr/bin/rusty"], packages: { debian: ["linked"] } },
        }),
      );
      const [built] = await workshop.build(["--recipe", recipe, "--arch", "x86_64"], { env: repository.env });
      image = built?.references[0] ?? "";
    });
    afterAll(() => {
      repository?.[Symbol.dispose]();
      world?.[Symbol.dispose]();
    });

    const go = ["gobinary example.org/Lib/v2 v2.0.1", "gobinary golang.org/x/sys v0.3.0"];

    it("is what the bill has of them", async () => {
      const { modules } = await scanArchive(await archived(image));
      expect(modules).toEqual(expect.arrayContaining([...go, "rustbinary serde 1.0.1"]));
      const { components } = await bill(image, "cyclonedx");
      const purls = components.flatMap(({ purl }) => purl ?? []);
      expect(purls).toEqual(
        expect.arrayContaining([
          "pkg:cargo/serde@1.0.1",
          "pkg:golang/example.org/lib/v2@v2.0.1",
          "pkg:golang/example.org/prog@v1.0.0",
          "pkg:golang/golang.org/x/sys@v0.3.0",
          "pkg:golang/stdlib@1.22.1",
        ]),
      );
      const sources = components.filter(({ purl }) => purl?.includes("arch=source")).map(({ name }) => name);
      expect(sources).toEqual(["golang-1.22", "golang-golang-x-sys"]);
    });

    it("is read from the bill, with the sources that the package declares", async () => {
      const document = await bill(image, "cyclonedx");
      const { modules, packages } = await scanBill(asOlder(document));
      expect(modules).toEqual(expect.arrayContaining(["gobinary golang.org/x/sys v0.3.0", "gobinary stdlib 1.22.1"]));
      expect(packages.map(({ name, source }) => `${name}: ${source}`)).toEqual([
        "golang-1.22: golang-1.22 1.22.1-1",
        "golang-golang-x-sys: golang-golang-x-sys 0.3.0-1",
        expect.stringMatching(/^libc6: glibc /),
        "linked: linked 1.0",
      ]);
    });

    it("is whole of the one that was built without a C library, and not of the other", async () => {
      const { compositions } = await bill(image, "cyclonedx");
      expect(compositions).toEqual([
        {
          aggregate: "incomplete",
          assemblies: [expect.stringContaining("image:")],
          dependencies: ["file:/usr/bin/rusty", expect.stringContaining("/ld-linux")],
        },
        { aggregate: "complete", dependencies: ["file:/usr/bin/prog"] },
      ]);
    });
  });

  it.runIf(requireTools(...standInTools))(
    "of the RPM packages in an OS-based image is what is in the bill, which it reads in both formats",
    async () => {
      const world = await standIn();
      await loadBase(world.base.dnf5, base, workshop.store.env);
      const built = await workshop.run(["fedora", "--base", base, "--arch", "x86_64", "--json"]);
      const image = JSON.parse(built.stdout).images[0].references[0] as string;
      const document = await bill(image, "cyclonedx");
      const expected = packagesOf(document);
      expect(expected.length).toBeGreaterThan(10);
      const found = await scanArchive(await archived(image));
      // It takes keys for packages and a package's epoch for its source's; one package of dpkg is the stand-in's own.
      const packages = found.packages.filter(({ name }) => !["gpg-pubkey", "usr-is-merged"].includes(name));
      expect(packages.map((each) => ({ ...each, source: each.source.replace(/ \d+:/, " ") }))).toEqual(expected);
      // In the image itself it finds the stand-in's debian_version first.
      for (const each of [asOlder(document), await bill(image, "spdx")]) {
        const read = await scanBill(each);
        expect(read.system).toBe("fedora 44");
        expect(read.packages.map(({ name, arch }) => `${name} ${arch}`)).toEqual(
          expected.map(({ name, arch }) => `${name} ${arch}`),
        );
      }
    },
  );
});
