import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { completeClosure } from "../../src/closure/complete.ts";
import { type Evidence, evidenceOf } from "../../src/closure/evidence.ts";
import { hintsFrom } from "../../src/closure/hints.ts";
import { openDirectoryRoot } from "../../src/system/root.ts";
import { type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";
import { packageNamed } from "../support/package.ts";

const nothing: Evidence = {
  imports: new Set(),
  own: new Set(),
  texts: () => [],
  environment: {},
  glibc: 36,
  lib: "lib/x86_64-linux-gnu",
  has: () => true,
  directories: [],
};
const texts =
  (...found: readonly string[]) =>
  (pattern: RegExp) =>
    found.flatMap((each) => [...`\0${each}\0`.matchAll(pattern)].map(([text]) => text));

/** What is hinted about for a service whose own files import these functions. */
function abouts(own: readonly string[], more: Partial<Evidence> = {}): readonly string[] {
  return hintsFrom({ ...nothing, imports: new Set(own), own: new Set(own), ...more }).map(({ about }) => about);
}

describe("hints from imports", () => {
  test.each([
    ["getservbyname_r", ["/etc/services"]],
    ["getprotobyname", ["/etc/protocols"]],
    ["getpwnam", ["/etc/passwd"]],
    ["getgrgid_r", ["/etc/group"]],
    ["initgroups", ["/etc/passwd", "/etc/group"]],
    ["gethostbyname", ["/etc/resolv.conf"]],
    ["__res_ninit", ["/etc/resolv.conf"]],
    ["localtime_r", ["/usr/share/zoneinfo"]],
    ["SSL_CTX_set_default_verify_paths", ["CA certificates"]],
    ["pam_start", ["PAM"]],
    ["sasl_server_init", ["SASL"]],
    ["OSSL_PROVIDER_load", ["OpenSSL providers"]],
    ["system", ["/bin/sh"]],
    ["execve", ["/bin/sh"]],
    // A library, an address to listen on, a locale that nobody chooses.
    ["getaddrinfo", []],
    ["setlocale", []],
    ["newlocale", []],
    ["malloc", []],
    ["localtime_s", []],
  ])("%s: %j", (name, expected) => {
    expect(abouts([name])).toEqual(expected);
  });

  test("what a library of others can do alone is none, but for users, services and PAM", () => {
    const imports = new Set(["gethostbyname", "iconv_open", "sasl_client_init", "X509_STORE_set_default_paths"]);
    expect(abouts([], { imports })).toEqual([]);
    expect(abouts([], { imports: new Set(["getpwuid", "getservbyport", "pam_start"]) })).toEqual([
      "/etc/services",
      "/etc/passwd",
      "PAM",
    ]);
  });

  test("nsswitch.conf matters to a C library before 2.35, which asks DNS before files", () => {
    expect(abouts(["getaddrinfo"], { glibc: 34 })).toEqual(["/etc/nsswitch.conf"]);
    expect(abouts(["getaddrinfo"], { glibc: 35 })).toEqual([]);
  });
});

describe("a locale", () => {
  test.each([
    ["chosen by LANG", { environment: { LANG: "C.UTF-8" } }, "/usr/lib/locale/C.utf8"],
    ["chosen by a category", { environment: { LC_CTYPE: "en_US.UTF-8" } }, "/usr/lib/locale/en_US.utf8"],
    ["in the program", { texts: texts("C.UTF-8") }, "/usr/lib/locale/C.utf8"],
  ])("%s is hinted with the line to include", (_, more, line) => {
    const [hint] = hintsFrom({ ...nothing, own: new Set(["setlocale"]), ...more });
    expect(hint?.about).toBe("locale");
    expect(hint?.sentence).toContain(`include: [${line}]`);
  });

  test("C and POSIX are none, nor is the name of a language", () => {
    expect(abouts(["setlocale"], { environment: { LANG: "C", LC_ALL: "POSIX" } })).toEqual([]);
    expect(abouts(["setlocale"], { texts: texts("en_US", "is_WS") })).toEqual([]);
    expect(abouts(["malloc"], { environment: { LANG: "C.UTF-8" } })).toEqual([]);
  });
});

describe("character sets", () => {
  const sentence = (more: Partial<Evidence> = {}) =>
    hintsFrom({ ...nothing, own: new Set(["iconv_open"]), ...more })[0]?.sentence;

  test("are modules but for ASCII, UTF-8, UCS-2 and UCS-4; the lines to include are there", () => {
    expect(sentence({ texts: texts("utf-16le", "ISO-8859-1", "CP850", "UTF-8") })).toBe(
      "converts character sets; only ASCII, UTF-8, UCS-2 and UCS-4 with their LE and BE are inside libc, others are modules such as UTF-16, ISO8859-1, CP850; " +
        "include: [/usr/$LIB/gconv/gconv-modules, /usr/$LIB/gconv/gconv-modules.d/*, /usr/$LIB/gconv/UTF-16.so, /usr/$LIB/gconv/ISO8859-1.so, /usr/$LIB/gconv/CP850.so]",
    );
  });

  test("are named only if the packages have their modules, else with the packages of theirs", () => {
    const has = (path: string) => path.endsWith("/CP850.so") || path.endsWith(".d");
    expect(sentence({ has, texts: texts("CP1", "CP850") })).toContain("gconv-modules.d/*, /usr/$LIB/gconv/CP850.so]");
    expect(sentence({ has: () => false, texts: texts("CP1") })).toContain(
      "such as UTF-16, of the package libc-gconv-modules-extra of Debian or glibc-gconv-extra of Fedora; include:",
    );
  });

  test("have no gconv-modules.d in older releases", () => {
    expect(sentence({ has: () => false })).toContain(
      "include: [/usr/$LIB/gconv/gconv-modules, /usr/$LIB/gconv/UTF-16.so]",
    );
  });
});

test("a shell is hinted more strongly for system, popen and the name of a shell", () => {
  const sentence = (own: readonly string[], more: Partial<Evidence> = {}) =>
    hintsFrom({ ...nothing, own: new Set(own), ...more })[0]?.sentence;
  expect(sentence(["popen"])).toBe("runs commands through a shell, and the image has none");
  expect(sentence(["execv"], { texts: texts("/bin/sh") })).toBe(
    "runs commands through a shell, and the image has none",
  );
  expect(sentence(["execv"])).toBe(
    "can start programs, and the image has no shell and only the programs that the recipe names",
  );
});

describe("evidence", () => {
  let world: TinyWorld;
  beforeEach(() => {
    world = tinyWorld();
  });
  afterEach(() => world[Symbol.dispose]());

  test("is the service's own in its program, its plug-ins and libraries of its source", async () => {
    const calls = (name: string, called: string) => `int ${called}(void); int ${name}(void) { return ${called}(); }`;
    world.library("/lib/libc.so.6", {
      source: "int one(void){return 0;} int two(void){return 0;} int three(void){return 0;} int four(void){return 0;}",
    });
    const needs = ["/lib/libc.so.6"];
    world.library("/lib/libown.so", { source: calls("libown", "two"), needs });
    world.library("/lib/libother.so", {
      source: `${calls("libother", "three")} const char text[] = "/var/run/other";`,
      needs,
    });
    world.library("/hooks/hook.so", { source: calls("hook", "four"), needs });
    world.program("/usr/sbin/served", {
      source: `${calls("served", "one")} const char text[] = "/var/run/served";`,
      needs: ["/lib/libown.so", "/lib/libother.so", "/lib/libc.so.6"],
    });
    world.file("/usr/lib/served/helper", "").file("/usr/share/served/data", "").file("/usr/share/else/data", "");
    const packages: Readonly<Record<string, string>> = {
      "/usr/sbin/served": "served-1.5",
      "/lib/libown.so": "served-1.5",
    };
    const owners = {
      describe: (path: string) =>
        packages[path] === undefined ? { modified: 0 } : { modified: 0, package: packageNamed(packages[path]) },
    };
    const source = { root: openDirectoryRoot(world.root), provide: async () => false };
    const { view, closures } = await completeClosure(["/usr/sbin/served"], source, { plugins: ["/hooks/hook.so"] });
    const evidence = evidenceOf(view, closures, owners, {});
    expect([...evidence.own].toSorted()).toEqual(["four", "one", "two"]);
    expect([...evidence.imports].toSorted()).toEqual(["four", "one", "three", "two"]);
    expect(evidence.texts(/\/var\/run\/\w+/g)).toEqual(["/var/run/served"]);
    expect(evidence.directories).toEqual(["/usr/lib/served", "/usr/share/served"]);
    expect(hintsFrom({ ...nothing, directories: evidence.directories }).map(({ about }) => about)).toEqual([
      "/usr/lib/served",
      "/usr/share/served",
    ]);
  });

  test("names a directory of an architecture as include takes it", () => {
    const [hint] = hintsFrom({ ...nothing, directories: ["/usr/lib/x86_64-linux-gnu/served"] });
    expect(hint).toMatchObject({ about: "/usr/$LIB/served", answers: ["/usr/lib/x86_64-linux-gnu/served"] });
  });
});
