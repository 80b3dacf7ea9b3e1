import { expect, it } from "vitest";
import type { BuildRecord, PackageRecord } from "../../src/report/record.ts";
import { explainInstalled, installedText, packagesText } from "../../src/report/why-package.ts";
import { sampleRecord } from "./sample.ts";

const named = (name: string, requiredBy?: PackageRecord["requiredBy"]): PackageRecord => ({
  name,
  version: "1-1",
  upstreamVersion: "1",
  arch: "x86_64",
  source: { name, version: "1-1" },
  sha256: "0".repeat(64),
  ...(requiredBy === undefined ? {} : { requiredBy }),
});
const record: BuildRecord = {
  ...sampleRecord,
  plan: { ...sampleRecord.plan, kind: "os", family: "fedora", base: "base:44", packages: ["served"] },
  distribution: { id: "fedora", version: "44" },
  packages: [
    named("glibc"),
    // Two that ask for each other, and for which the recipe's package asks by one of them.
    named("liba", [
      { package: "libb", requirement: "liba.so" },
      { package: "served", requirement: "liba.so" },
    ]),
    named("libb", [{ package: "liba", requirement: "libb.so" }]),
    named("lonely", []),
    named("served", []),
  ],
};
const explain = (...names: readonly string[]) =>
  explainInstalled(
    record,
    "/usr/x",
    names.map((name) => ({ name, arch: "x86_64" })),
  );

it("a package is explained by the shortest way from one of the recipe's", () => {
  expect(explain("libb").packages[0]?.chain).toEqual([
    { package: "served" },
    { package: "liba", requirement: "liba.so" },
    { package: "libb", requirement: "libb.so" },
  ]);
});

it("every package has its reason in a line", () => {
  expect(packagesText(record)).toBe(`glibc  1-1  the base image base:44 has this package
liba  1-1  served requires liba.so
libb  1-1  liba requires libb.so
lonely  1-1  the package manager installed it with the others
served  1-1  the recipe asks for this package`);
});

it("of a directory that several packages have each is explained", () => {
  expect(installedText(explain("glibc", "served"), record)).toBe(`glibc
    the base image base:44 has this package

package   glibc 1-1 x86_64 of fedora 44
          sha256 ${"0".repeat(64)} of its header
licence   not declared in a form that a machine can read
source    glibc 1-1

served
    the recipe asks for this package

package   served 1-1 x86_64 of fedora 44
          sha256 ${"0".repeat(64)} of its header
licence   not declared in a form that a machine can read
source    served 1-1`);
});

it("what no package has was made by somebody's script", () => {
  expect(installedText(explain(), record)).toMatch(/^\/usr\/x\n {4}no package has it: it was made /);
});
