import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BuildahDistribution } from "../../src/image/distribution.ts";
import { machineOf } from "../../src/image/machine.ts";
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
function recording() {
  const lines: string[] = [];
  const run: Run = async (command) => {
    const digestFile = command[command.indexOf("--digestfile") + 1];
    if (command.includes("--digestfile")) writeFileSync(digestFile ?? "", "sha256:ab\n");
    lines.push(
      command
        .join(" ")
        .replaceAll(workdir.path, "WORK")
        .replaceAll(/dhcpd-build-\d+-\d+-[0-9a-f]{8}/g, "NAME"),
    );
    return command[1] === "manifest" && command[2] === "inspect"
      ? '{"manifests":[{"digest":"sha256:01","platform":{"architecture":"arm64","os":"linux"}}]}'
      : "id";
  };
  return { lines, distribution: new BuildahDistribution(run, { tlsVerify: false }, workdir) };
}

describe("buildah", () => {
  it("makes and pushes an index with these command lines and no others", async () => {
    const { lines, distribution } = recording();
    const registry = { kind: "registry", name: "h/a" } as const;
    {
      await using draft = await distribution.manifestCreate();
      await distribution.manifestAdd(draft, "docker://h/a:latest-aarch64");
      expect(await distribution.manifestInspect(draft.name)).toEqual([{ digest: "sha256:01", architecture: "arm64" }]);
      await using pulled = await distribution.pull("h/a", "sha256:01");
      expect(pulled.id).toBe("id");
      expect(await distribution.manifestPush(draft.name, registry, "1", { all: false })).toBe("sha256:ab");
    }
    expect(lines).toEqual([
      "buildah manifest create localhost/NAME",
      "buildah manifest add --tls-verify=false localhost/NAME docker://h/a:latest-aarch64",
      "buildah manifest inspect localhost/NAME",
      "buildah pull --quiet --tls-verify=false docker://h/a@sha256:01",
      "buildah manifest push --format oci --quiet --tls-verify=false --digestfile WORK/NAME.digest localhost/NAME docker://h/a:1",
      "buildah rmi h/a@sha256:01",
      "buildah manifest rm localhost/NAME",
    ]);
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
