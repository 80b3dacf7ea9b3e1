import { expect, it } from "vitest";
import { readRecord, recordText } from "../../src/report/record-text.ts";
import { explain, explanationText, overviewText, pathsLike } from "../../src/report/why.ts";
import { sampleRecord } from "./sample.ts";

const why = (path: string) => {
  const explanation = explain(sampleRecord, path);
  return explanation === undefined ? undefined : explanationText(explanation, sampleRecord);
};

it("a library is explained from the program on, with its package", () => {
  expect(why("/usr/lib/libextra++.so.1")).toBe(`\
/usr/sbin/served
    the recipe asks for this program
/usr/lib/libextra++.so.1
    /usr/sbin/served needs libextra++.so.1, found by the rule: runpath

file      100 bytes, mode 0755, owner 0:0
          sha256 ${"c".repeat(64)}
package   libextra++1 1:1.0~rc1-2+b1 amd64 of debian 12
          sha256 ${"2".repeat(64)}
licence   ISC AND LicenseRef-Beer
source    extra 1:1.0~rc1-2`);
});

it("a path through a link is explained where it lies", () => {
  expect(why("/lib/libc.so.6")).toBe(`\
/lib/libc.so.6 lies at /usr/lib/libc.so.6: /lib is a link to usr/lib

/usr/sbin/served
    the recipe asks for this program
/usr/lib/libc.so.6
    /usr/sbin/served needs libc.so.6, found by the rule: default
    so do /usr/lib/libextra++.so.1, /usr/lib/ld-tiny.so.2

file      2000 bytes, mode 0755, owner 0:0
          sha256 ${"b".repeat(64)}
package   libc6 2.36-9+deb12u14 amd64 of debian 12
          sha256 ${"1".repeat(64)}
licence   not declared in a form that a machine can read
source    glibc 2.36-9+deb12u14`);
});

it("a link is explained by what it leads to", () => {
  expect(why("/lib")).toBe(`\
/usr/sbin/served
    the recipe asks for this program
/usr/lib/ld-tiny.so.2
    /usr/sbin/served needs ld-tiny.so.2, found by the rule: interpreter
    so does /usr/lib/libc.so.6
/lib
    the link is on the way to /usr/lib/ld-tiny.so.2

link      to usr/lib, mode 0777, owner 0:0
package   none`);
});

it("a program with capabilities says so", () => {
  expect(why("usr/sbin/../sbin/served")).toContain("\n          with security.capability\n");
});

it.each([
  ["/usr/sbin/", "    the directory holds /usr/sbin/served\n\ndirectory mode 0755, owner 0:0\npackage   none"],
  ["/var/lib/served", "    the recipe gives this directory\n\ndirectory mode 0755, owner 177:177\npackage   none"],
])("the directory %s is explained", (path, end) => {
  expect(why(path)?.endsWith(end)).toBe(true);
});

it("a name without a directory is that of the one file that has it", () => {
  expect(explain(sampleRecord, "served")?.entry.path).toBe("/usr/sbin/served");
  expect(explain(sampleRecord, "lib")?.entry.path).toBe("/lib");
  expect(explain(sampleRecord, "sbin")).toBeUndefined();
});

it("what is not in the image is not explained", () => {
  expect(explain(sampleRecord, "/etc/passwd")).toBeUndefined();
  expect(explain(sampleRecord, "/")).toBeUndefined();
});

it("the explanation as data has the chain, the links and the package", () => {
  expect(explain(sampleRecord, "/lib/libc.so.6")).toMatchObject({
    asked: "/lib/libc.so.6",
    followed: [{ path: "/lib", target: "usr/lib" }],
    entry: { path: "/usr/lib/libc.so.6" },
    chain: [{ path: "/usr/sbin/served" }, { path: "/usr/lib/libc.so.6" }],
    package: { name: "libc6" },
  });
});

it.each([
  ["the same name elsewhere", "/usr/bin/served", ["/usr/sbin/served"]],
  ["the beginning of a name", "/lib/libc.so", ["/usr/lib/libc.so.6"]],
  ["a neighbour", "/usr/sbin/sevred", ["/usr/sbin/served"]],
  ["nothing like it", "/etc/passwd", []],
  ["the root", "/", []],
  ["a name only", "serve", ["/usr/sbin/served"]],
  ["a name only, like none", "nginx", []],
])("what somebody may have meant: %s", (_, wanted, paths) => {
  expect(pathsLike(sampleRecord, wanted)).toEqual(paths);
});

it("the overview has one line for each entry", () => {
  const lines = overviewText(sampleRecord).split("\n");
  expect(lines).toHaveLength(sampleRecord.entries.length);
  expect(lines[0]).toBe("/lib  no package  the link is on the way to /usr/lib/ld-tiny.so.2");
  expect(lines[7]).toBe("/usr/sbin/served  served  the recipe asks for this program");
});

it("a link of update-alternatives names the packages that offer it, the old name of /run what it leads to", () => {
  const link = { kind: "symlink", mode: "0777", owner: "0:0" } as const;
  const others = [{ package: "libopenblas0", priority: 5 }, { package: "libatlas3-base" }];
  const alternative = { name: "libblas.so.3", priority: 10, others };
  const to = "/usr/lib/libc.so.6";
  const entries = [
    ...sampleRecord.entries,
    {
      ...link,
      path: "/usr/lib/libblas.so.3",
      target: "/etc/alternatives/libblas.so.3",
      package: "libc6",
      reason: { kind: "link", to, alternative },
    },
    { ...link, path: "/var/run", target: "/run", reason: { kind: "runtime", to } },
  ] as const;
  const record = readRecord({
    architecture: "amd64",
    history: [{ created_by: recordText({ ...sampleRecord, entries }) }],
  });
  const said = (path: string) => {
    const explanation = record === undefined ? undefined : explain(record, path);
    return record === undefined || explanation === undefined ? undefined : explanationText(explanation, record);
  };
  expect(said("/usr/lib/libblas.so.3")).toContain(
    "an installation would make it: libc6 offers the alternative libblas.so.3 with priority 10, and libopenblas0 with priority 5, and libatlas3-base with a priority that its script computes",
  );
  expect(said("/var/run")).toContain(`the link leads to ${to} for what goes by the old name /var/run`);
});
