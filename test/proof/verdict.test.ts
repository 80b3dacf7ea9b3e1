import { describe, expect, it } from "vitest";
import type { ImageFile } from "../../src/proof/image-files.ts";
import { acceptedOf, objections, removablesOf, verdictsOf } from "../../src/proof/verdict.ts";
import type { BuildRecord, EntryRecord } from "../../src/report/record.ts";

const file = (path: string): ImageFile => ({ path, kind: "file", mode: "0644", owner: "0:0" });
const directory = (path: string): ImageFile => ({ path, kind: "directory", mode: "0755", owner: "0:0" });
const files = [
  directory("/etc"),
  directory("/usr"),
  file("/usr/program"),
  directory("/usr/share"),
  file("/usr/share/doc"),
];
const failed = [{ check: "it serves", because: "it ended" }];
const found = new Map([
  ["/etc", []],
  ["/usr/program", failed],
  ["/usr/share/doc", []],
]);

it("candidates are what holds nothing; the record vouches for programs, libraries and links", () => {
  const asked = { path: "/usr/program", reason: { kind: "asked" } } as EntryRecord;
  expect(removablesOf(files, [asked])).toEqual([
    { path: "/etc", isVouchedFor: false },
    { path: "/usr/program", isVouchedFor: true },
    { path: "/usr/share/doc", isVouchedFor: false },
  ]);
});

it("the old name of /run is needed as the runtime directories are", () => {
  const link: ImageFile = { path: "/var/run", kind: "symlink", mode: "0777", owner: "0:0" };
  const image = [directory("/run"), directory("/run/served"), directory("/var"), link];
  const recorded = [{ path: "/var/run", reason: { kind: "runtime", to: "/run/served" } } as EntryRecord];
  const verdicts = (without: readonly (typeof failed)[number][]) =>
    verdictsOf(image, new Map([["/run/served", without]]), [], recorded);
  expect(verdicts(failed)).toEqual([
    { path: "/run", kind: "directory", verdict: "needed", holds: "/run/served" },
    { path: "/run/served", kind: "directory", verdict: "needed", failed },
    { path: "/var", kind: "directory", verdict: "needed", holds: "/var/run" },
    { path: "/var/run", kind: "symlink", verdict: "needed", holds: "/run/served" },
  ]);
  expect(objections(verdicts([]), [])).toContain("no check needs /var/run");
});

it("what a program opens in a situation that no check brings about needs no proof, and a mere suggestion does", () => {
  const opened = (path: string, soname: string) => ({
    path,
    reason: { kind: "needed", soname, rule: "dlopen", by: ["/usr/program"] },
  });
  const decision = { requester: "/usr/program", outcome: "found" };
  const record = {
    plan: { unproven: [] },
    entries: [opened("/lib/unwinder", "unwinder"), opened("/lib/extra", "extra"), opened("/lib/other", "other")],
    dlopen: [
      {
        ...decision,
        sonames: ["unwinder"],
        feature: "thread cancellation",
        priority: "recommended",
        path: "/lib/unwinder",
      },
      { ...decision, sonames: ["extra"], feature: "extras", priority: "suggested", path: "/lib/extra" },
    ],
  } as unknown as BuildRecord;
  expect(acceptedOf(record)).toEqual([
    { path: "/lib/unwinder", reason: "/usr/program opens it for thread cancellation" },
  ]);
});

describe("the verdict", () => {
  it("accepts a directory with what it holds, where all of that is accepted", () => {
    const more = [...files, directory("/var"), file("/var/a"), directory("/var/b"), file("/var/b/c")];
    const reason = "for scanners";
    const reasonOf = (accept: readonly string[]) =>
      new Map(
        verdictsOf(
          more,
          found,
          accept.map((path) => ({ path, reason })),
        ).map((each) => [each.path, each.accepted]),
      );
    expect(
      [...reasonOf(["/var/a", "/var/b/c"])].filter(([, accepted]) => accepted === reason).map(([path]) => path),
    ).toEqual(["/var", "/var/a", "/var/b", "/var/b/c"]);
    expect(reasonOf(["/var/a"]).get("/var")).toBeUndefined();
    // An empty one holds nothing that could speak for it.
    expect(reasonOf(["/var/a", "/var/b/c"]).get("/etc")).toBeUndefined();
  });

  it("on a directory is that on what it holds", () => {
    expect(verdictsOf(files, found, [])).toEqual([
      { path: "/etc", kind: "directory", verdict: "unproven" },
      { path: "/usr", kind: "directory", verdict: "needed", holds: "/usr/program" },
      { path: "/usr/program", kind: "file", verdict: "needed", failed },
      { path: "/usr/share", kind: "directory", verdict: "unproven" },
      { path: "/usr/share/doc", kind: "file", verdict: "unproven" },
    ]);
  });

  it("is an objection unless the recipe accepts it, and so is an acceptance of what is needed", () => {
    const accept = [
      { path: "/usr/share", reason: "the licence wants it" },
      { path: "/usr/program", reason: "just in case" },
    ];
    const verdicts = verdictsOf(files, found, accept);
    expect(verdicts.at(-1)).toMatchObject({ path: "/usr/share/doc", accepted: "the licence wants it" });
    expect(objections(verdicts, accept)).toEqual([
      "no check needs /etc",
      "the recipe accepts /usr/program as unproven, and it is needed",
    ]);
  });
});
