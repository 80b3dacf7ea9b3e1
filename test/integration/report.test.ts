import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Difference } from "../../src/report/difference.ts";
import type { EntryRecord } from "../../src/report/record.ts";
import type { Spdx } from "../../src/report/spdx.ts";
import { cycloneDxComplaints } from "../report/schemas.ts";
import { projectDirectory } from "../support/cli.ts";
import { buildVariant } from "../support/proof.ts";
import { run } from "../support/run.ts";
import { pySpdxComplaints, spdxTools } from "../support/spdx-tools.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const canBuild = requireTools("buildah", "apt-get", "dpkg-deb");
const canMount = canBuild && requireTools("root");

describe.runIf(canBuild)("what an image tells of itself", () => {
  let workshop: Workshop;
  let image: string;
  const output = async (args: readonly string[], where = workshop) => {
    const { stdout, stderr, exitCode } = await where.run(args);
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
    return stdout;
  };
  const entries = async (): Promise<readonly EntryRecord[]> =>
    JSON.parse(await output(["why", image, "--json"])).entries;

  beforeAll(async () => {
    workshop = await createWorkshop();
    const [built] = await workshop.build(["--arch", "x86_64"]);
    image = built?.references[0] ?? "";
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  it.runIf(canMount)("the record has exactly what is in the image, to the byte", async () => {
    const { env } = workshop.store;
    const container = await run(["buildah", "from", image], { env });
    try {
      const root = await run(["buildah", "mount", container], { env });
      const found = pathsBelow(root).map((inside) => asFound(root, inside));
      const recorded = (await entries()).map(({ path, kind, mode, owner, size, sha256, target }) =>
        JSON.parse(JSON.stringify({ path, kind, mode, owner, size, sha256, target })),
      );
      expect(found.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual(recorded);
    } finally {
      await run(["buildah", "rm", container], { env });
    }
  });

  it("every entry is explained from what the recipe asks for", async () => {
    for (const { path } of await entries()) {
      const { chain, entry } = JSON.parse(await output(["why", image, path, "--json"]));
      expect(entry.path).toBe(path);
      expect(["asked", "recipe"]).toContain(chain[0].reason.kind);
    }
  });

  it("the loader is explained under the name that the program has for it", async () => {
    const text = await output(["why", image, "/lib64/ld-linux-x86-64.so.2"]);
    expect(text).toMatch(
      /^\/lib64\/ld-linux-x86-64\.so\.2 lies at \/usr\/lib64\/.*: \/lib64 is a link to usr\/lib64\n/,
    );
    expect(text).toMatch(/needs ld-linux-x86-64\.so\.2, found by the rule: interpreter/);
    expect(text).toMatch(/^package {3}libc6 \S+ amd64 of debian \d+$/m);
    expect(text).toMatch(/^source {4}glibc \S+$/m);
  });

  it("the program's package declares its licence", async () => {
    expect(await output(["why", image, "/usr/sbin/dhcpd"])).toMatch(/^licence {3}MPL-2\.0\b/m);
  });

  it("the bills of materials are the same each time, and name the packages as scanners do", async () => {
    const cyclonedx = await output(["sbom", image]);
    const spdx = await output(["sbom", image, "--format", "spdx"]);
    expect(await output(["sbom", image])).toBe(cyclonedx);
    expect(await output(["sbom", image, "--format", "spdx"])).toBe(spdx);
    for (const text of [cyclonedx, spdx]) {
      expect(text).toMatch(/"pkg:deb\/debian\/libc6@[^"]+\?arch=amd64&distro=debian-\d+&upstream=glibc"/);
    }
  });

  it("CycloneDX's own schema accepts its bill of materials", async () => {
    expect(cycloneDxComplaints(JSON.parse(await output(["sbom", image])))).toEqual([]);
  });

  it.runIf(requireTools(...spdxTools))(
    "SPDX's own validator accepts its bill of materials, and refuses one that relates to what it does not have",
    async () => {
      const bill = await output(["sbom", image, "--format", "spdx"]);
      expect(await pySpdxComplaints(bill)).toBe("");
      const { files, ...rest } = JSON.parse(bill) as Spdx;
      expect(await pySpdxComplaints(JSON.stringify({ ...rest, files: files.slice(1) }))).toContain(
        `did not find the referenced spdx_id "${files[0]?.SPDXID}" in the SPDX document`,
      );
    },
  );

  it("an image that was pushed and pulled elsewhere tells the same", async () => {
    // buildah names what it pulls after the path, which therefore must look like an image's name.
    const cwd = workshop.env.TMPDIR ?? "";
    await run(["buildah", "push", "--quiet", image, "oci:layout:pushed"], { cwd, env: workshop.store.env });
    await using elsewhere = await createWorkshop();
    const pulled = await run(["buildah", "pull", "--quiet", "oci:layout:pushed"], { cwd, env: elsewhere.store.env });
    for (const verb of [["why", "/usr/sbin/dhcpd"], ["sbom"], ["sbom", "--format", "spdx"]]) {
      const [name = "", ...rest] = verb;
      expect(await output([name, pulled, ...rest], elsewhere)).toBe(await output([name, image, ...rest]));
    }
  });

  it("the difference to an image of a changed recipe is what was changed", async () => {
    const recipe = await readFile(path.join(projectDirectory, "recipes/dhcpd.yaml"), "utf8");
    const changed = recipe.replace(/ports: \[67\/udp\]/, "ports: [67/udp, 7911/tcp]").replaceAll("0640", "0600");
    expect(changed).not.toBe(recipe);
    const file = path.join(workshop.env.TMPDIR ?? "", "changed.yaml");
    await writeFile(file, changed);
    const [other] = await workshop.build(["--recipe", file, "--arch", "x86_64", "--name", "localhost/changed"]);
    const difference: Difference = JSON.parse(await output(["diff", image, other?.references[0] ?? "", "--json"]));
    expect(difference.packages).toEqual([]);
    expect(difference.configuration).toEqual([{ name: "ports", before: "67/udp", after: "67/udp 7911/tcp" }]);
    expect(difference.files?.entries.map(({ name, what }) => [name, what])).toEqual([
      ["/var/lib/dhcpd/dhcpd.leases", ["mode"]],
    ]);
    const { exitCode, stdout } = await workshop.run(["diff", "--exit-code", image, image]);
    expect([exitCode, stdout]).toEqual([0, "no difference\n"]);
  });

  it.runIf(canMount && requireTools("dpkg-query"))(
    "with metadata for scanners it says in Debian's own form what is in it, and what that costs",
    async () => {
      const { env } = workshop.store;
      const name = await buildVariant(workshop, { name: "scanned", metadata: "dpkg-status-d" });
      const recipe = path.join(workshop.store.directory, "scanned.yaml");
      const again = ["scratch", "--recipe", recipe, "--from", "debian", "--arch", "x86_64", "--force", "--json"];
      const { stdout, stderr } = await workshop.run(again);
      const [built] = (JSON.parse(stdout) as { images: readonly BuiltImage[] }).images;
      const container = await run(["buildah", "from", name], { env });
      try {
        const root = await run(["buildah", "mount", container], { env });
        const directory = path.join(root, "var/lib/dpkg/status.d");
        const stanzas = readdirSync(directory).map((each) => readFileSync(path.join(directory, each), "utf8"));
        const database = await mkdtemp(path.join(workshop.env.TMPDIR ?? "", "dpkg-"));
        await writeFile(path.join(database, "status"), stanzas.join("\n"));
        const fields = ["Package", "Version", "Architecture", "source:Package", "db:Status-Abbrev"];
        const format = `${fields.map((field) => `\${${field}}`).join(" ")}\\n`;
        const listed = await run(["dpkg-query", `--admindir=${database}`, "--show", `--showformat=${format}`]);
        const versions = new Map(built?.packages.map((each) => [each.name, each.version]));
        expect(listed.split("\n").map((line) => line.trim())).toEqual([
          `isc-dhcp-server ${versions.get("isc-dhcp-server")} amd64 isc-dhcp ii`,
          `libc6 ${versions.get("libc6")} amd64 glibc ii`,
        ]);
        const etc = ["etc/os-release", "etc/debian_version"].map((each) => readFileSync(path.join(root, each), "utf8"));
        expect(etc.join("")).toMatch(/^ID=debian\nVERSION_ID="(\d+)"\n\1\n$/);
        const size = [...stanzas, ...etc].join("").length;
        expect(built?.metadata).toEqual({ files: 4, size });
        expect(stderr).toContain(`including scanner metadata: 4 files, ${size} bytes\n`);
        expect(await output(["why", name, "/var/lib/dpkg/status.d/libc6"])).toContain("what scanners look for");
      } finally {
        await run(["buildah", "rm", container], { env });
      }
    },
  );

  it.each([
    [["why", "localhost/absent", "/"], "error: cannot find image localhost/absent in the local store\n"],
    [["sbom", "Not a name"], "error: cannot find image Not a name in the local store\n"],
  ])("%s: a sentence and exit code 1", async (args, sentence) => {
    const { exitCode, stdout, stderr } = await workshop.run(args);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(sentence);
  });

  it("an image of somebody else is told from ours", async () => {
    const { env } = workshop.store;
    const container = await run(["buildah", "from", "scratch"], { env });
    await run(["buildah", "commit", "--quiet", "--rm", container, "localhost/foreign"], { env });
    const { exitCode, stderr } = await workshop.run(["why", "localhost/foreign", "/"]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("error: cannot explain image localhost/foreign: it was not built by dhcpd-build");
  });
});

/** Every path in a directory, no link followed. */
function pathsBelow(root: string, inside = ""): readonly string[] {
  return readdirSync(root + inside, { withFileTypes: true }).flatMap((entry) => {
    const below = `${inside}/${entry.name}`;
    return [below, ...(entry.isDirectory() ? pathsBelow(root, below) : [])];
  });
}

/** What lies at a path of the mounted image, in the record's words. */
function asFound(root: string, inside: string) {
  const stats = lstatSync(root + inside);
  const common = {
    path: inside,
    mode: (stats.mode & 0o7777).toString(8).padStart(4, "0"),
    owner: `${stats.uid}:${stats.gid}`,
  };
  if (stats.isSymbolicLink()) return { ...common, kind: "symlink", target: readlinkSync(root + inside) };
  if (stats.isDirectory()) return { ...common, kind: "directory" };
  const sha256 = createHash("sha256")
    .update(readFileSync(root + inside))
    .digest("hex");
  return { ...common, kind: "file", size: stats.size, sha256 };
}
