import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { machineOf } from "../../src/registry/architecture.ts";
import { BuildahManifests, type Connection } from "../../src/registry/manifest.ts";
import type { Run } from "../../src/system/run.ts";
import type { Workdir } from "../../src/system/workdir.ts";

let workdir: Workdir;
beforeEach(() => {
  const directory = mkdtempSync(path.join(tmpdir(), "distribution-"));
  workdir = {
    path: directory,
    file: (name) => path.join(directory, name),
    directory: async (name) => path.join(directory, name),
    async [Symbol.asyncDispose]() {},
  };
});
afterEach(() => rmSync(workdir.path, { recursive: true }));

/** A buildah that writes its digest files and keeps its command lines, with names of one process made the same. */
function recording(connection: Connection = { tlsVerify: false, timeout: 60_000 }) {
  const lines: string[] = [];
  const limits: (number | undefined)[] = [];
  const run: Run = async (command, options = {}) => {
    limits.push(options.stallLimit);
    const digestFile = command[command.indexOf("--digestfile") + 1];
    if (command.includes("--digestfile")) writeFileSync(digestFile ?? "", "sha256:ab\n");
    lines.push(
      command
        .join(" ")
        .replaceAll(workdir.path, "WORK")
        .replaceAll(/dhcpd-build-\d+-\d+-[0-9a-f]{8}/g, "NAME"),
    );
    return command.includes("inspect")
      ? '{"manifests":[{"digest":"sha256:01","platform":{"architecture":"arm64","os":"linux"}}]}'
      : "id";
  };
  return { lines, limits, distribution: new BuildahManifests(run, connection, workdir) };
}

const entries = [{ digest: "sha256:01", architecture: "arm64", os: "linux" }];

describe("buildah", () => {
  it("makes and pushes an index with these command lines and no others", async () => {
    const { lines, distribution } = recording();
    const registry = { kind: "registry", name: "h/a" } as const;
    {
      const apart = distribution.apart();
      await using draft = await apart.manifestCreate();
      expect(await apart.remoteEntries("h/a:latest-aarch64")).toEqual(entries);
      await apart.manifestAdd(draft, "docker://h/a@sha256:01");
      await apart.fetchImages(draft, "/fetched");
      expect(await apart.manifestPush(draft.name, registry, "1", { all: false })).toBe("sha256:ab");
    }
    const buildah = "buildah --root WORK/NAME.store/root --runroot WORK/NAME.store/run --storage-driver vfs manifest";
    expect(lines).toEqual([
      `${buildah} create localhost/NAME`,
      `${buildah} create localhost/NAME`,
      `${buildah} add --all --tls-verify=false localhost/NAME docker://h/a:latest-aarch64`,
      `${buildah} inspect localhost/NAME`,
      `${buildah} rm localhost/NAME`,
      `${buildah} add --tls-verify=false localhost/NAME docker://h/a@sha256:01`,
      `${buildah} push --all --quiet --tls-verify=false localhost/NAME dir:/fetched`,
      `${buildah} push --format oci --quiet --tls-verify=false --digestfile WORK/NAME.digest localhost/NAME docker://h/a:1`,
      `${buildah} rm localhost/NAME`,
    ]);
  });

  it("leaves TLS to registries.conf unless somebody decides", async () => {
    const { lines, distribution } = recording({ timeout: 1000 });
    await distribution.push("sha256:02", { kind: "registry", name: "h/a" }, "1-x86_64");
    expect(lines).toEqual([
      "buildah push --format oci --quiet --digestfile WORK/NAME.digest sha256:02 docker://h/a:1-x86_64",
    ]);
  });

  it("ends what makes no progress with a registry, and waits for a layout as long as others write into it", async () => {
    const { limits, distribution } = recording({ timeout: 1000 });
    await using draft = await distribution.manifestCreate();
    await distribution.manifestAdd(draft, "sha256:02");
    await distribution.manifestAdd(draft, "docker://h/a@sha256:01");
    await distribution.push("sha256:02", { kind: "registry", name: "h/a" }, "1-x86_64");
    await distribution.push("sha256:02", { kind: "layout", directory: "/srv/images" }, "1-x86_64");
    expect(limits).toEqual([undefined, undefined, 1000, 1000, undefined]);
  });

  it("writes into a layout alone", async () => {
    const { lines, distribution } = recording();
    await distribution.push("sha256:02", { kind: "layout", directory: "/srv/images" }, "1-x86_64");
    expect(lines).toEqual([
      "flock --no-fork /srv/images buildah push --format oci --quiet --tls-verify=false " +
        "--digestfile WORK/NAME.digest sha256:02 oci:/srv/images:1-x86_64",
    ]);
  });
});

describe("the machine of an ELF file", () => {
  const header = (machine: number) => {
    const bytes = Buffer.alloc(20);
    bytes.write("\x7fELF", "latin1");
    bytes.writeUInt16LE(machine, 18);
    return bytes;
  };

  it.each([
    ["x86_64", 62],
    ["aarch64", 183],
    [undefined, 3],
  ])("is %s for e_machine %d", (arch, machine) => {
    expect(machineOf(header(machine))).toBe(arch);
  });

  it.each([Buffer.alloc(0), Buffer.from("\x7fELF", "latin1"), Buffer.alloc(64)])("is none in other bytes", (bytes) => {
    expect(machineOf(bytes)).toBeUndefined();
  });
});
