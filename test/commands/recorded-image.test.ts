import { mkdir, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { addDiffCommand } from "../../src/commands/diff.ts";
import { addSbomCommand } from "../../src/commands/sbom.ts";
import { addWhyCommand } from "../../src/commands/why.ts";
import type { CycloneDx } from "../../src/report/cyclonedx.ts";
import type { BuildRecord } from "../../src/report/record.ts";
import { recordText } from "../../src/report/record-text.ts";
import { writeTar } from "../../src/rootfs/tar.ts";
import { Tree } from "../../src/rootfs/tree.ts";
import { hostArch } from "../../src/system/arch.ts";
import { CommandFailure, type Run } from "../../src/system/run.ts";
import { imageOf, sampleImage, sampleRecord } from "../report/sample.ts";
import { runVerb } from "../support/context.ts";

/** What `buildah inspect --type image` prints of it, as far as it is read. */
function inspected(record: BuildRecord | undefined): string {
  const history = record === undefined ? [{ created_by: "/bin/sh" }] : [{ created_by: recordText(record) }];
  const { config, annotations } = imageOf(record ?? sampleRecord);
  return JSON.stringify({
    FromImageID: sampleImage.id.replace("sha256:", ""),
    FromImageDigest: `sha256:${"0".repeat(64)}`,
    Config: JSON.stringify({ ...config, history }),
    Manifest: JSON.stringify({ layers: [], annotations }),
  });
}

const latest = `latest-${hostArch()}`;
const changed = { ...sampleRecord, version: "4.5" };
const based = {
  ...sampleRecord,
  plan: { ...sampleRecord.plan, kind: "os", family: "fedora", base: "base:44", packages: ["served"] },
} as const;
const images: Readonly<Record<string, string>> = {
  [`localhost/served:${latest}`]: inspected(sampleRecord),
  "localhost/served:next": inspected(changed),
  "localhost/served-based": inspected(based),
  "localhost/other": inspected(undefined),
};

/** Writes the sample's files as an image of one layer; programs and libraries cannot be read further than that they are such. */
async function writeLayer(directory: string): Promise<string> {
  const tree = new Tree();
  for (const { path, kind } of sampleRecord.entries) {
    const bytes = Buffer.from(path.startsWith("/usr/") ? "\x7fELF" : "");
    const content = { kind: "file", size: bytes.length, content: { bytes } } as const;
    if (kind === "file") tree.add({ path, ...content, mode: 0o644, uid: 0, gid: 0, reason: { kind: "recipe" } });
  }
  await mkdir(directory);
  writeTar(tree, `${directory}/${"1".repeat(64)}`, 0);
  await writeFile(`${directory}/manifest.json`, JSON.stringify({ layers: [{ digest: `sha256:${"1".repeat(64)}` }] }));
  return "";
}

/** A store with these images. */
const run: Run = async (command) => {
  if (command[1] === "push") return writeLayer((command.at(-1) ?? "").replace("dir:", ""));
  const image = command.at(-1) ?? "";
  if (command[1] === "images")
    return JSON.stringify(Object.keys(images).map((name) => ({ id: sampleImage.id, digest: "", names: [name] })));
  if (command.slice(0, 4).join(" ") !== "buildah inspect --type image")
    throw new Error(`unexpected: ${command.join(" ")}`);
  const description = images[image];
  if (description !== undefined) return description;
  const stderr = image.includes(" ")
    ? "Error: importing settings: invalid reference format"
    : `Error: importing settings: ${image}: image not known`;
  throw new CommandFailure(command, { exitCode: 125, stderr, reason: "exit code 125" });
};
const why = (...args: readonly string[]) => runVerb(addWhyCommand, ["why", ...args], run);
const sbom = (...args: readonly string[]) => runVerb(addSbomCommand, ["sbom", ...args], run);
const diff = (...args: readonly string[]) => runVerb(addDiffCommand, ["diff", ...args], run);

describe("why", () => {
  it("prints the chain", async () => {
    const { stdout, exitCode } = await why("localhost/served", "/lib/libextra++.so.1");
    expect(stdout.join("\n")).toMatch(/^\/lib\/libextra\+\+\.so\.1 lies at .*\n\n\/usr\/sbin\/served\n/);
    expect(exitCode).toBe(0);
  });

  it("prints it as data", async () => {
    const { stdout } = await why("localhost/served", "/lib", "--json");
    const explanation = JSON.parse(stdout.join("\n"));
    expect(Object.keys(explanation)).toEqual(["asked", "followed", "entry", "chain"]);
  });

  it("prints everything where no path is given", async () => {
    expect((await why("localhost/served")).stdout.join("\n").split("\n")).toHaveLength(sampleRecord.entries.length);
    const { entries } = JSON.parse((await why("localhost/served", "--json")).stdout.join("\n"));
    expect(entries).toEqual(sampleRecord.entries);
  });

  it.each([
    ["/usr/bin/served", "it contains /usr/sbin/served"],
    ["/etc/passwd", `dhcpd-build why localhost/served:${latest} lists every path`],
  ])("says of %s that it is not there, and what is", async (path, hint) => {
    await expect(why("localhost/served", path)).rejects.toMatchObject({
      message: `cannot explain ${path}: it is not in localhost/served:${latest}`,
      hint,
      kind: "failed",
    });
  });
});

it("why knows of an OS-based image what the recipe gives it, without asking the image", async () => {
  expect((await why("localhost/served-based", "/var/lib/served")).stdout.join("\n")).toContain("the recipe gives this");
});

describe("sbom", () => {
  it.each([
    [[], { bomFormat: "CycloneDX", specVersion: "1.6" }],
    [["--format", "cyclonedx"], { bomFormat: "CycloneDX", specVersion: "1.6" }],
    [["--format", "spdx"], { spdxVersion: "SPDX-2.3" }],
  ])("%s", async (options, start) => {
    expect(JSON.parse((await sbom("localhost/served", ...options)).stdout.join("\n"))).toMatchObject(start);
  });

  it("looks into the image's own files", async () => {
    const { compositions } = JSON.parse((await sbom("localhost/served")).stdout.join("\n")) as CycloneDx;
    expect(compositions).toEqual([
      {
        aggregate: "incomplete",
        assemblies: [`image:${sampleImage.id}`],
        dependencies: ["ld-tiny.so.2", "libc.so.6", "libextra++.so.1"]
          .map((name) => `file:/usr/lib/${name}`)
          .concat("file:/usr/sbin/served"),
      },
    ]);
  });
});

describe("diff", () => {
  it("prints the difference and ends with 0", async () => {
    const { stdout, exitCode } = await diff("localhost/served", "localhost/served:next");
    expect(stdout).toEqual(["configuration: 1 changed\n  ~ version  4.4 -> 4.5\n\nsize  5400 -> 5400 bytes (0)"]);
    expect(exitCode).toBe(0);
  });

  it("prints it as data", async () => {
    const { stdout } = await diff("localhost/served", "localhost/served:next", "--json");
    expect(JSON.parse(stdout.join("\n"))).toEqual({
      packages: [],
      files: { entries: [], size: { before: 5400, after: 5400 } },
      configuration: [{ name: "version", before: "4.4", after: "4.5" }],
    });
  });

  it.each([
    ["localhost/served:next", 3],
    ["localhost/served", 0],
  ])("with --exit-code against %s ends with %i", async (after, exitCode) => {
    expect((await diff("localhost/served", after, "--exit-code")).exitCode).toBe(exitCode);
  });
});

describe.each([
  ["why", (image: string) => why(image, "/lib")],
  ["sbom", (image: string) => sbom(image)],
  ["diff", (image: string) => diff("localhost/served", image)],
])("%s", (_, verb) => {
  it("says that an image is not there", async () => {
    await expect(verb("localhost/absent")).rejects.toMatchObject({
      message: "cannot find image localhost/absent in the local store",
      hint: expect.stringContaining("buildah pull"),
      kind: "failed",
    });
    await expect(verb("srved")).rejects.toMatchObject({
      message: "cannot find image srved in the local store",
      hint: expect.stringContaining("did you mean localhost/served:"),
    });
    await expect(verb("no image")).rejects.toThrow("cannot find image no image in the local store");
  });

  it("says that an image is not ours", async () => {
    await expect(verb("localhost/other")).rejects.toThrow(
      "cannot explain image localhost/other: it was not built by dhcpd-build (no build record)",
    );
  });
});
