import { describe, expect, it } from "vitest";
import { readRecord, recordLabels } from "../../src/report/record.ts";
import { sampleRecord } from "./sample.ts";

describe("the record travels in labels", () => {
  it("and comes back the same", () => {
    expect(readRecord(recordLabels(sampleRecord))).toEqual(sampleRecord);
  });

  it("in several, none of them too long for an argument, where it is long", () => {
    const title = "ü€𝄞".repeat(30_000);
    const record = { ...sampleRecord, plan: { ...sampleRecord.plan, title } };
    const labels = recordLabels(record);
    expect(Object.keys(labels)).toEqual(["dhcpd-build.record", "dhcpd-build.record.1", "dhcpd-build.record.2"]);
    for (const [name, value] of Object.entries(labels)) {
      expect(Buffer.byteLength(`${name}=${value}`)).toBeLessThan(128 * 1024);
      expect(value).not.toContain("\ufffd");
    }
    expect(readRecord(labels)).toEqual(record);
  });

  it("an image of somebody else has none", () => {
    expect(readRecord({ "org.opencontainers.image.title": "other" })).toBeUndefined();
  });

  it.each([
    ["cut off", '{"recordVersion":1,"entries":['],
    ["of a later version", '{"recordVersion":2,"entries":[],"packages":[]}'],
    ["no record at all", "null"],
    ["half a record", '{"recordVersion":1}'],
  ])("one that is %s is refused", (_, text) => {
    expect(() => readRecord({ "dhcpd-build.record": text })).toThrow(
      "cannot read the image's record: it is damaged, or of another version of dhcpd-build",
    );
  });
});
