import { describe, expect, it } from "vitest";
import type { ScratchImagePlan } from "../../src/plan/plan.ts";
import { chainTo, entriesByPath, refuseUnexplained } from "../../src/report/explanation.ts";
import type { BuildRecord, EntryRecord } from "../../src/report/record.ts";
import { samplePlan, sampleRecord, sampleWith } from "./sample.ts";

const without = (path: string) => sampleWith(path, () => undefined);
const withReason = (path: string, reason: EntryRecord["reason"]) => sampleWith(path, (entry) => ({ ...entry, reason }));
const withPlan = (part: Partial<ScratchImagePlan>) => ({ ...samplePlan, ...part });

it("an image where everything is explained may be built", () => {
  expect(() => refuseUnexplained(sampleRecord, samplePlan)).not.toThrow();
});

describe("an image is not built where", () => {
  it.each<[string, BuildRecord, ScratchImagePlan, string]>([
    [
      "a reason names what is not in the image",
      without("/usr/lib/libextra++.so.1"),
      samplePlan,
      "/usr/lib/libc.so.6 is there for /usr/lib/libextra++.so.1, which is not in the image",
    ],
    [
      "reasons lead in a circle",
      withReason("/usr/sbin/served", { kind: "needed", soname: "served", rule: "default", by: ["/usr/lib/libc.so.6"] }),
      samplePlan,
      "nothing that the recipe asks for leads to /lib",
    ],
    [
      "an entry has a reason that says nothing",
      withReason("/usr/lib/libc.so.6", { kind: "needed", soname: "libc.so.6", rule: "default", by: [] }),
      samplePlan,
      "nothing that the recipe asks for leads to /usr/lib",
    ],
    [
      "a package is not recorded",
      { ...sampleRecord, packages: [] },
      samplePlan,
      "/usr/lib/ld-tiny.so.2 is of package libc6, which is not recorded",
    ],
    [
      "the recipe's file is missing",
      sampleRecord,
      withPlan({ files: [{ path: "/etc/lost", content: "", uid: 0, gid: 0, mode: 0o644 }] }),
      "the recipe's own /etc/lost is not in the image",
    ],
    [
      "a program is missing",
      sampleRecord,
      withPlan({ binaries: ["served", "lost"] }),
      "the recipe asks for lost, which is not in the image",
    ],
    [
      "a program given by its path is missing",
      sampleRecord,
      withPlan({ binaries: ["/lib/lost"] }),
      "the recipe asks for /lib/lost, which is not in the image",
    ],
  ])("%s", (_, record, plan, sentence) => {
    expect(() => refuseUnexplained(record, plan)).toThrow(
      `the image's contents and their reasons do not agree: ${sentence}`,
    );
  });
});

it("the recipe's paths may lead through the image's links", () => {
  const file = { path: "/lib/libc.so.6", content: "", uid: 0, gid: 0, mode: 0o644 };
  expect(() => refuseUnexplained(sampleRecord, withPlan({ files: [file] }))).not.toThrow();
});

it("the chain is the shortest one, and libraries that need each other do not stop it", () => {
  const entries = entriesByPath(sampleRecord);
  const chain = chainTo(entries.get("/lib")!, entries);
  expect(chain?.map(({ path }) => path)).toEqual(["/usr/sbin/served", "/usr/lib/ld-tiny.so.2", "/lib"]);
});
