import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Package } from "../../src/packages/source.ts";
import type { ScratchImagePlan } from "../../src/plan.ts";
import { readRecord, recordLabels, recordOf } from "../../src/report/record.ts";
import { Tree } from "../../src/rootfs/tree.ts";
import type { Root } from "../../src/system/root.ts";
import { sampleRecord } from "./sample.ts";

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
  };
  const source = {
    named: [served],
    packageOf: () => served,
    licensesOf: () => ["MPL-2.0", "GPL-2 or Expat"],
    modifiedOf: () => 1_600_000_000,
    distribution: { id: "debian", version: "12" },
  };
  const plan = {
    ...sampleRecord.plan,
    kind: "scratch",
    image: "localhost/served",
    builder: "localhost/builder",
    files: [],
    directories: [],
  } as ScratchImagePlan;
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
    package: "served",
    reason: { kind: "asked" },
  });
  const record = recordOf(plan, tree, source);

  it("has each entry with its hashes, as sha256sum and sha1sum have them, and its extended attributes", () => {
    expect(record.entries).toEqual([
      {
        path: "/served",
        kind: "file",
        mode: "4755",
        owner: "0:7",
        size,
        sha256: createHash("sha256").update(Buffer.alloc(size)).digest("hex"),
        sha1: createHash("sha1").update(Buffer.alloc(size)).digest("hex"),
        xattrs: { "user.a": "eA==", "user.b": "AP8=" },
        package: "served",
        reason: { kind: "asked" },
      },
    ]);
    expect(Object.keys(record.entries[0]?.xattrs ?? {})).toEqual(["user.a", "user.b"]);
  });

  it("has the packages with their licences, the release, the service's version and the newest file's time", () => {
    expect(record).toMatchObject({
      packages: [{ ...served, license: "MPL-2.0 AND (GPL-2.0-only OR MIT)" }],
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

  it("has no licence where the package declares none", () => {
    const [only] = recordOf(plan, tree, { ...source, licensesOf: () => [] }).packages;
    expect(only).not.toHaveProperty("license");
  });
});

describe("the record travels in labels", () => {
  it("and comes back the same", () => {
    expect(readRecord(recordLabels(sampleRecord))).toEqual(sampleRecord);
  });

  it("in several, none of them too long for containerd, where it is long", () => {
    const title = "ü€𝄞".repeat(1_000);
    const record = { ...sampleRecord, plan: { ...sampleRecord.plan, title } };
    const labels = recordLabels(record);
    expect(Object.keys(labels).slice(0, 3)).toEqual([
      "dhcpd-build.record",
      "dhcpd-build.record.1",
      "dhcpd-build.record.2",
    ]);
    for (const [name, value] of Object.entries(labels)) {
      expect(Buffer.byteLength(`${name}${value}`)).toBeLessThanOrEqual(4096);
      expect(value).not.toContain("\ufffd");
    }
    expect(readRecord(labels)).toEqual(record);
  });

  it("an image of somebody else has none", () => {
    expect(readRecord({ "org.opencontainers.image.title": "other" })).toBeUndefined();
  });

  it.each([
    ["cut off", '{"recordVersion":2,"entries":['],
    ["of a later version", '{"recordVersion":3,"entries":[],"packages":[]}'],
    ["no record at all", "null"],
    ["half a record", '{"recordVersion":2}'],
  ])("one that is %s is refused", (_, text) => {
    expect(() => readRecord({ "dhcpd-build.record": text })).toThrow(
      "cannot read the image's record: it is damaged, or of another version of dhcpd-build",
    );
  });
});
