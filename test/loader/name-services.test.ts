import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hostLoader, paths, type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";

let world: TinyWorld;
beforeEach(() => {
  world = tinyWorld();
});
afterEach(() => world[Symbol.dispose]());

const functions = ["getpwnam", "getaddrinfo", "getpagesize"];

/** A C library that defines the versions of a release of glibc, and the libraries of name services beside it. */
function libc(...versions: readonly string[]): void {
  const nodes = versions.map((version, index) => `${version} { ${index === 0 ? "global: *;" : ""} };`);
  world.file("/versions", nodes.join("\n"));
  world.library("/lib/libc.so.6", {
    source: functions.map((name) => `int ${name}(void) { return 0; }`).join("\n"),
    flags: versions.length === 0 ? [] : [`-Wl,--version-script=${world.root}/versions`],
  });
  for (const service of ["files", "dns", "sss"]) world.library(`/lib/libnss_${service}.so.2`);
}

/** The libraries of name services that come in for a program which calls a function. */
function services(called: string, nsswitch: string): readonly string[] {
  world.program("/bin/prog", {
    source: `int ${called}(void); int prog(void) { return ${called}(); }`,
    needs: ["/lib/libc.so.6"],
  });
  const found = paths(world.closure("/bin/prog", { nsswitch })).filter((path) => path !== hostLoader);
  return found.flatMap((path) => /libnss_(\w+)/.exec(path)?.[1] ?? []);
}

const conf = "# sss in a comment\npasswd: files sss # more\nhosts: files [NOTFOUND=return] dns\nservices:files\n";

describe("with glibc 2.33", () => {
  beforeEach(() => libc("GLIBC_2.2.5", "GLIBC_2.33", "GLIBC_PRIVATE"));

  test.each([
    ["users are looked up in files by default", "getpwnam", "", ["files"]],
    ["hosts are looked up in files and dns by default", "getaddrinfo", "", ["files", "dns"]],
    ["nothing is looked up by a program that looks nothing up", "getpagesize", "", []],
    ["every service of nsswitch.conf comes in", "getpagesize", conf, ["files", "sss", "dns"]],
    ["a database without a line has its default", "getaddrinfo", "passwd: sss\n", ["sss", "files", "dns"]],
  ])("%s", (_, called, nsswitch, expected) => {
    expect(services(called, nsswitch)).toEqual(expected);
  });

  test("a library that is not there is missing", () => {
    expect(services("getpwnam", "passwd: ldap\n")).toEqual(["files"]);
    expect(world.closure("/bin/prog", { nsswitch: "passwd: ldap\n" }).missing).toMatchObject([
      { soname: "libnss_ldap.so.2" },
    ]);
  });
});

test.each([
  ["2.34", ["GLIBC_2.2.5", "GLIBC_2.33", "GLIBC_2.34"]],
  ["2.36 of an architecture that began with it", ["GLIBC_2.36"]],
  ["a C library without versions", []],
])("%s has files and dns inside", (_, versions) => {
  libc(...versions);
  expect(services("getaddrinfo", "")).toEqual([]);
  expect(services("getpwnam", conf)).toEqual(["sss"]);
});
