import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Package } from "../../src/packages/source.ts";
import type { ScratchImagePlan } from "../../src/plan/plan.ts";
import { recordOf } from "../../src/report/scratch-record.ts";
import { Tree } from "../../src/rootfs/tree.ts";
import type { Root } from "../../src/system/root.ts";
import { samplePlan } from "./sample.ts";

/** A root in which every file is three megabytes of zeros, more than is read at a time. */
const size = 3_000_000;
const root: Root = {
  entry: () => ({ kind: "file", size, mode: 0o755 }),
  read: (_path, position, length) => new Uint8Array(Math.min(length, size - position)),
  names: () => [],
};

describe("the record of a tree", () => {
  const served: Package = {
    name: "served",
    version: "4.4-1",
    upstreamVersion: "4.4",
    arch: "amd64",
    source: { name: "served", version: "4.4-1" },
    sha256: "3".repeat(64),
    size: 3000,
    licenses: ["MPL-2.0", "GPL-2 or Expat"],
    archivePath: "pool/main/s/served/served_4.4-1_amd64.deb",
  };
  const source = {
    named: [served],
    distribution: { id: "debian", version: "12" },
  };
  const plan: ScratchImagePlan = { ...samplePlan, builder: "localhost/builder", files: [], directories: [] };
  const tree = new Tree();
  tree.add({
    path: "/served",
    kind: "file",
    size,
    content: { root, path: "/served" },
    mode: 0o4755,
    uid: 0,
    gid: 7,
    xattrs: new Map([
      ["user.b", Buffer.from([0, 255])],
      ["user.a", Buffer.from("x")],
    ]),
    package: served,
    modified: 1_600_000_000,
    reason: { kind: "asked" },
  });
  const record = recordOf(plan, tree, source);

  it("has each entry with its hash, as sha256sum has it, and its extended attributes", () => {
    expect(record.entries).toEqual([
      {
        path: "/served",
        kind: "file",
        mode: "4755",
        owner: "0:7",
        size,
        sha256: createHash("sha256").update(Buffer.alloc(size)).digest("hex"),
        xattrs: { "user.a": "eA==", "user.b": "AP8=" },
        package: "served",
        reason: { kind: "asked" },
      },
    ]);
    expect(Object.keys(record.entries[0]?.xattrs ?? {})).toEqual(["user.a", "user.b"]);
  });

  it("has the packages with their licences, the release, the service's version and the newest file's time", () => {
    const { licenses: _, archivePath: __, ...recorded } = served;
    expect(record.packages).toEqual([{ ...recorded, license: "MPL-2.0 AND (GPL-2.0-only OR MIT)" }]);
    expect(record).toMatchObject({
      distribution: { id: "debian", version: "12" },
      version: "4.4",
      created: 1_600_000_000,
    });
  });

  it("does not have the image's name, nor where the package manager ran: they do not change it", () => {
    expect(record.plan).not.toHaveProperty("image");
    expect(record.plan).not.toHaveProperty("builder");
    expect(recordOf({ ...plan, image: "localhost/other" }, tree, source)).toEqual(record);
  });

  it("has each decision about what a file may open by itself, once, and none where there is nothing to decide", () => {
    const decision = {
      requester: "/usr/lib/libx.so",
      sonames: ["liby.so"],
      priority: "suggested",
      outcome: "out",
    } as const;
    expect(recordOf(plan, tree, source, [decision, { ...decision }]).dlopen).toEqual([decision]);
    expect(record).not.toHaveProperty("dlopen");
  });

  describe("has the version of the package that has the service's program", () => {
    const shell: Package = { ...served, name: "dash", upstreamVersion: "0.5.12" };
    const links: Readonly<Record<string, string>> = {
      "/usr/sbin": "bin",
      "/usr/bin/served": "/etc/alternatives/served",
      "/etc/alternatives/served": "../../usr/lib/served/served.basic",
    };
    const common = { mode: 0o755, uid: 0, gid: 0, reason: { kind: "recipe" } } as const;
    const content = { bytes: Buffer.from("") };
    const linked = new Tree();
    for (const [path, target] of Object.entries(links)) linked.add({ ...common, path, kind: "symlink", target });
    const files = { "/usr/lib/served/served.basic": { package: served }, "/bin/sh": { package: shell }, "/script": {} };
    for (const [path, from] of Object.entries(files)) {
      linked.add({ ...common, ...from, path, kind: "file", size: 0, content });
    }
    const several = { ...source, named: [shell, served] };
    const versionOf = (program: string) =>
      recordOf({ ...plan, service: { ...plan.service, command: [program] } }, linked, several).version;

    it("and not that of the first path or the first package", () => {
      expect(versionOf("/usr/lib/served/served.basic")).toBe("4.4");
      expect(versionOf("/bin/sh")).toBe("0.5.12");
    });

    it("through links, such as alternatives", () => {
      expect(versionOf("/usr/sbin/served")).toBe("4.4");
    });

    it("or of the recipe's first package, for a program that the recipe itself gives", () => {
      expect(versionOf("/script")).toBe("0.5.12");
    });
  });

  it("has no licence where the package declares none", () => {
    const silent = new Tree();
    for (const entry of tree.entries()) silent.add({ ...entry, package: { ...served, licenses: [] } });
    const [only] = recordOf(plan, silent, source).packages;
    expect(only).not.toHaveProperty("license");
  });
});
