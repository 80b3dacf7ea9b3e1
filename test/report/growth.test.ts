import { expect, it } from "vitest";
import { chainTo, entriesByPath, refuseUnexplained } from "../../src/report/explanation.ts";
import type { BuildRecord, EntryRecord } from "../../src/report/record.ts";
import { expectProportion } from "../support/growth.ts";
import { samplePlan, sampleRecord } from "./sample.ts";

/** A program and a chain of libraries, each needed by the one before it. */
function recordOf(count: number): BuildRecord {
  const common = {
    kind: "file",
    mode: "0755",
    owner: "0:0",
    size: 1,
    sha256: "0".repeat(64),
    sha1: "0".repeat(40),
  } as const;
  const libraries = Array.from({ length: count }, (_, index): EntryRecord => {
    const by = [index === 0 ? "/usr/sbin/served" : `/l${index - 1}`];
    return { path: `/l${index}`, ...common, reason: { kind: "needed", soname: `l${index}`, rule: "default", by } };
  });
  return { ...sampleRecord, entries: [...sampleRecord.entries, ...libraries] };
}

it("every entry of a long chain is explained, in proportion to its length", () => {
  expectProportion(5000, (size) => {
    const record = recordOf(size);
    return () => refuseUnexplained(record, samplePlan);
  });
});

it("the explanation of the last one has them all", () => {
  const entries = entriesByPath(recordOf(10_000));
  const last = entries.get("/l9999");
  const chain = last === undefined ? [] : (chainTo(last, entries) ?? []);
  expect(chain.map(({ path }) => path).slice(0, 3)).toEqual(["/usr/sbin/served", "/l0", "/l1"]);
  expect(chain).toHaveLength(10_001);
});
