import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { ImageDescription } from "../../src/image/config.ts";
import type { BuildRecord } from "../../src/report/record.ts";
import { readRecord, recordText } from "../../src/report/record-text.ts";
import { explain } from "../../src/report/why.ts";
import { Failure } from "../../src/system/errors.ts";
import { sampleRecord } from "./sample.ts";

const read = (...texts: readonly string[]) =>
  readRecord({ architecture: "amd64", history: texts.map((text) => ({ created_by: text })) });
const labelled = (text: string) =>
  readRecord({ architecture: "amd64", config: { Labels: { "dhcpd-build.record": text } } });
const encoded = (value: unknown) => deflateSync(JSON.stringify(value)).toString("base64");
const fixture = (name: string) =>
  JSON.parse(
    readFileSync(path.join(import.meta.dirname, "../fixtures/record", name), "utf8"),
  ) as ImageDescription["config"];

describe("the record in an image's history", () => {
  it("comes back the same", () => {
    expect(read(recordText(sampleRecord))).toEqual(sampleRecord);
    const title = "ü€𝄞".repeat(1_000);
    const wide = { ...sampleRecord, plan: { ...sampleRecord.plan, title } };
    expect(read(recordText(wide))).toEqual(wide);
  });

  it("has no character that JSON must escape", () => {
    const text = recordText(sampleRecord);
    expect(JSON.stringify(text)).toHaveLength(text.length + 2);
  });

  it("is the same text wherever it is made: the image ID depends on it", () => {
    const hash = createHash("sha256").update(recordText(sampleRecord)).digest("hex");
    expect(hash).toBe("ec982f68998e8bd1ab7da05e151795dbffd477aa44fa640d5b3d10d2b781fb0f");
  });

  it("is that of the last build where an image was made from one of ours", () => {
    const later = { ...sampleRecord, version: "5.0" };
    expect(read("the base image", recordText(sampleRecord), recordText(later), "/bin/sh -c make")?.version).toBe("5.0");
  });

  it("an image of somebody else has none", () => {
    expect(read("/bin/sh -c apt-get update", "dhcpd-build")).toBeUndefined();
    expect(readRecord({ architecture: "amd64" })).toBeUndefined();
    expect(readRecord({ architecture: "amd64", config: { Labels: { version: "3" } } })).toBeUndefined();
  });

  it("of 20,000 files is a small part of what registries and podman take (4 MB)", () => {
    const entries = Array.from({ length: 20_000 }, (_, index): BuildRecord["entries"][number] => ({
      path: `/usr/share/served/data/${(index % 100).toString(16)}/file-number-${index}.bin`,
      kind: "file",
      mode: "0644",
      owner: "0:0",
      size: index * 7,
      sha256: index.toString(16).padStart(8, "5").repeat(8),
      package: "served",
      reason: { kind: "recipe" },
    }));
    const text = recordText({ ...sampleRecord, entries });
    expect(text.length).toBeLessThan(2_000_000);
    expect(read(text)?.entries).toEqual(entries);
  });
});

const damaged = "cannot read the image's record: it is damaged";
const entry = { path: "/a", kind: "file", mode: "0644", owner: "0:0", reason: { kind: "recipe" } };

describe("what a stranger may have put there is refused", () => {
  it.each<[string, string]>([
    ["base64 of something else", Buffer.from("nothing compressed").toString("base64")],
    ["a cut record", recordText(sampleRecord).split(" ")[3]?.slice(0, 400) ?? ""],
    ["nothing", ""],
    ["null", encoded(null)],
    ["a list", encoded([])],
    ["a part of a record", encoded({ ...sampleRecord, packages: undefined })],
    ["a path that leaves the image", encoded({ ...sampleRecord, entries: [{ ...entry, path: "/../etc/passwd" }] })],
    ["a relative path", encoded({ ...sampleRecord, entries: [{ ...entry, path: "etc" }] })],
    ["a reason of no known kind", encoded({ ...sampleRecord, entries: [{ ...entry, reason: { kind: "magic" } }] })],
    ["a mode that is no mode", encoded({ ...sampleRecord, entries: [{ ...entry, mode: "rwx" }] })],
    ["a time beyond all calendars", encoded({ ...sampleRecord, created: 1e300 })],
    ["a negative size", encoded({ ...sampleRecord, entries: [{ ...entry, size: -1 }] })],
    ["an option for podman", encoded(withService({ capabilities: ["--privileged"] }))],
    ["two mounts in one", encoded(withService({ state: ["/a:/b"] }))],
    ["a service without a command", encoded(withService({ command: [] }))],
    [
      "a check that is nothing",
      encoded({ ...sampleRecord, plan: { ...sampleRecord.plan, checks: [{ kind: "run" }] } }),
    ],
  ])("%s", (_, text) => {
    expect(() => read(`dhcpd-build record 3 ${text}`)).toThrow(new Failure(damaged));
  });

  it("a record that unpacks to gigabytes", () => {
    const zeros = deflateSync(Buffer.alloc(300 * 1024 * 1024)).toString("base64");
    expect(() => read(`dhcpd-build record 3 ${zeros}`)).toThrow(damaged);
  });
});

function withService(part: object) {
  return { ...sampleRecord, plan: { ...sampleRecord.plan, service: { ...sampleRecord.plan.service, ...part } } };
}

describe("a record of another version", () => {
  it.each([
    ["later", () => read("dhcpd-build record 4 AAAA"), "4"],
    ["later, in labels", () => labelled('{"recordVersion":7}'), "7"],
    ["earlier than all that are read", () => labelled('{"recordVersion":1,"entries":[],"packages":[]}'), "1"],
  ])("%s is refused with both versions", (_, refused, version) => {
    expect(refused).toThrow(
      `cannot read the image's record: it has version ${version}, and this dhcpd-build reads versions 2 and 3`,
    );
  });

  it.each([
    ["cut off", '{"recordVersion":2,"entries":['],
    ["no record at all", "null"],
    ["half a record", '{"recordVersion":2}'],
  ])("2 that is %s is damaged", (_, text) => {
    expect(() => labelled(text)).toThrow(new Failure(damaged));
  });

  it("2, as the commit before this format wrote it for dhcpd, is read", () => {
    const record = readRecord(fixture("version-2-dhcpd.json"));
    expect(record).toMatchObject({ version: "4.4.3-P1", plan: { kind: "scratch", recipe: "dhcpd", unproven: [] } });
    expect(record?.plan.checks.map(({ kind }) => kind)).toEqual(["run", "lease", "stop"]);
    expect(record?.entries).toHaveLength(15);
    expect(record && explain(record, "/usr/sbin/dhcpd")?.package?.version).toBe("4.4.3-P1-2");
  });

  it("2 in many labels, for Kea, is read, and is the same in the present format", () => {
    const record = readRecord(fixture("version-2-kea-dhcp4.json"));
    expect(record?.entries).toHaveLength(110);
    expect(record && read(recordText(record))).toEqual(record);
  });
});
