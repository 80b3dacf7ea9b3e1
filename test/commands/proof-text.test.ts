import { expect, it } from "vitest";
import { lookupLines, verdictText } from "../../src/commands/prove.ts";
import { findingText } from "../../src/commands/verify.ts";

it("a finding is one line with its time, and below a bad one is what the program wrote last", () => {
  expect(findingText({ name: "it serves", outcome: "passed", milliseconds: 812 })).toBe("ok     812 ms  it serves");
  expect(
    findingText({
      name: "it serves",
      outcome: "failed",
      milliseconds: 12,
      because: "the service ended with exit code 1",
      output: ["no lease file", "exiting"],
    }),
  ).toBe(
    [
      "FAIL    12 ms  it serves: the service ended with exit code 1",
      "               | no lease file",
      "               | exiting",
    ].join("\n"),
  );
});

it.each([
  [
    "needed    /a  'it serves' fails: it ended",
    { verdict: "needed", failed: [{ check: "it serves", because: "it ended" }] },
  ],
  ["needed    /a  contains /a/b", { verdict: "needed", holds: "/a/b" }],
  ["unproven  /a  accepted: the licence wants it", { verdict: "unproven", accepted: "the licence wants it" }],
  ["unproven  /a  all checks pass without it", { verdict: "unproven" }],
] as const)("a verdict reads %j", (text, verdict) => {
  expect(verdictText({ path: "/a", kind: "file", ...verdict })).toBe(text);
});

it("what was looked for in vain is told with the package that has it, where this machine knows one", () => {
  const missing = [{ path: "/etc/services", package: "netbase" }, { path: "/etc/localtime" }];
  expect(lookupLines({ missing, unopened: ["/usr/share/doc"] })).toEqual([
    "absent    /etc/services  not found in the image (on this machine: package netbase)",
    "absent    /etc/localtime  not found in the image",
    "unopened  /usr/share/doc  no check opens it",
  ]);
});
