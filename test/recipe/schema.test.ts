import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { recipeJsonSchema } from "../../src/recipe/schema.ts";
import * as recipeValues from "../../src/recipe/values.ts";
import { withLine } from "./text.ts";

/** By name. */
const values = { ...recipeValues };

it("the shipped JSON Schema is that of the code; `dhcpd-build schema > schema/recipe.schema.json` writes it", () => {
  const file = path.resolve(import.meta.dirname, "../../schema/recipe.schema.json");
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(recipeJsonSchema());
});

describe("an editor with the JSON Schema", () => {
  const validate = new Ajv({ allErrors: true, strictTuples: false, allowUnionTypes: true }).compile(recipeJsonSchema());
  const recipes = path.resolve(import.meta.dirname, "../../recipes");

  it.each(readdirSync(recipes))("finds nothing wrong in %s", (file) => {
    validate(parse(readFileSync(path.join(recipes, file), "utf8")));
    expect(validate.errors).toBeNull();
  });

  it("sees an unknown key, a missing one and a wrong value", () => {
    const recipe = parse(withLine("title: Echo", "titel: Echo").replace("7:7", "root"));
    expect(validate(recipe)).toBe(false);
    expect(validate.errors?.map(({ instancePath, keyword }) => `${instancePath} ${keyword}`).sort()).toEqual([
      " additionalProperties",
      " required",
      "/service/user pattern",
    ]);
  });
});

/** What a kind of value takes, and what it refuses with which sentence. */
const table: Readonly<Record<string, readonly [keyof typeof values, readonly unknown[], readonly unknown[], string]>> =
  {
    "a service's name can be part of an image's": [
      "serviceName",
      ["dhcpd", "kea-dhcp4", "a.b", "a__b", "7"],
      ["", "Dhcpd", "-a", "a-", "a..b", "a/b", "a:b", "a b", "é"],
      "must be usable in an image's name: lower-case letters and digits, with `.`, `_` or `-` between them",
    ],
    "a path is absolute": [
      "path",
      ["/a", "/a/b.c/..d", "/é", "/a b"],
      ["", "a", "./a", "~/a", "-a"],
      "must be an absolute path",
    ],
    "a path is normal": [
      "path",
      ["/...", "/.a"],
      ["/", "//", "/a/", "/a//b", "/a/./b", "/../a", "/a/..", "/a\nb", "/a\0", "/\ud800"],
      "must be a normal path: no `//`, no `.` or `..`, no `/` at its end, no control characters",
    ],
    "a mount's path has nothing that separates its parts": [
      "mountPath",
      ["/var/lib/x"],
      ["/a:b", "/a,b", "/a b", "/%h", "/$HOME", "/a\\", '/"a"'],
      "must not have a space or one of : , % $ \" ' \\ that mean something in a mount or a unit",
    ],
    "a port has its protocol": [
      "port",
      ["1/tcp", "67/udp", "65535/sctp"],
      ["67", "0/udp", "65536/udp", "99999/tcp", "067/udp", "67/UDP", "-1/udp", "67/udp/x", "1-2/udp"],
      "must be a port from 1 to 65535 and its protocol such as 67/udp",
    ],
    "an owner is two numbers": [
      "owner",
      ["0:0", "177:177", "4294967294:0"],
      ["dhcpd:dhcpd", "177", "177:", ":", "-1:0", "01:0", "0x1:0", "1:1:1"],
      "must be a user's and a group's number such as \"177:177\"",
    ],
    "an owner is one that the kernel has": [
      "owner",
      [],
      ["4294967295:0", "0:99999999999"],
      "must have ids below 4294967295",
    ],
    "a mode is octal": [
      "mode",
      ["644", "0644", "4755"],
      ["64", "888", "u+x", "00644", "-644", "0o644"],
      'must be a mode of three or four octal digits in quotes such as "0644"',
    ],
    "a Debian package is no option and no version": [
      "debianPackage",
      ["isc-dhcp-server", "libstdc++6", "0ad", "g++-12"],
      ["--force", "-x", "a", "A", "libc6:i386", "x=1", "x/sid", "x*", "x y", "./x.deb"],
      "must be a Debian package's name: lower-case letters, digits, `+`, `.`, `-`",
    ],
    "an RPM package is no option and no path": [
      "rpmPackage",
      ["dhcp-server", "NetworkManager", "libstdc++", "python3.12", "_x"],
      ["-y", "--setopt=x", "@core", "/usr/bin/x", "x*", "x y", "", "libx(64bit)", "http://x"],
      "must be an RPM package's name: letters, digits, `-`, `.`, `_`, `+`",
    ],
    "a program is a name or a path": [
      "binary",
      ["dhcpd", "/usr/sbin/dhcpd", "x@1"],
      ["-x", "a/b", "../a", "/a/../b", "..", ".", "", "a b", "/"],
      "must be a program's name, or its absolute path without `//`, `.` or `..`",
    ],
    "an image can be pulled": [
      "image",
      [
        "base",
        "a/b:1",
        "r.example:5000/a/b:1",
        `a@sha256:${"0".repeat(64)}`,
        "localhost/a:1@sha256:".concat("f".repeat(64)),
      ],
      ["--tls", "A", "docker://x", "oci:/x", "a b", "", "a:", "a@b", "/a", "a//b", "$(x)"],
      "must be an image's name such as registry.example/name:tag",
    ],
    "a time has its unit": [
      "duration",
      ["2s", "500ms", "1.5s", "1m", "0.1s"],
      ["2", "0s", "0.0ms", "-1s", "2 s", "s", "1h30", "1e3s"],
      "must be a time with its unit such as 2s or 500ms",
    ],
    "a variable has a name": [
      "environmentName",
      ["PATH", "_x1"],
      ["", "1x", "a-b", "a=b", "a b"],
      "must be a variable's name: letters, digits and `_`",
    ],
    "a line is one line": [
      "line",
      ["x", "ISC DHCP server", "né"],
      ["", " x", "x ", "a\nb", "a\tb", "\x1b[0m", "a\\"],
      "must be one line of text without a backslash and without spaces around it",
    ],
    "text is what UTF-8 and an argument can hold": [
      "text",
      ["", "-x", "a\nb", "😀"],
      ["a\0b", "\ud800"],
      "must not have a NUL or half a surrogate pair",
    ],
  };

describe.each(Object.entries(table))("%s", (_, [kind, right, wrong, sentence]) => {
  const schema = values[kind] as typeof values.text;
  it.each([...right])("takes %j", (value) => {
    expect(schema.safeParse(value).success).toBe(true);
  });
  it.each([...wrong])("refuses %j", (value) => {
    const messages = schema.safeParse(value).error?.issues.map(({ message }) => message) ?? [];
    const meant = messages.flatMap((message) => /; write (.*)$/.exec(message)?.[1] ?? []);
    expect(messages).toEqual([meant.length === 0 ? sentence : sentence.replace(/ such as .*$/, `; write ${meant[0]}`)]);
    // What is proposed is no further mistake.
    for (const text of meant.flatMap((each) => each.split(" or ")))
      expect(schema.safeParse(text.replaceAll('"', "")).error?.issues).toBeUndefined();
  });
});

it.each([
  ["port", "67", "67/udp or 67/tcp"],
  ["port", "67/UDP", "67/udp"],
  ["owner", "177", '"177:177"'],
  ["duration", "2", "2s"],
  ["duration", "2 sec", "2s"],
  ["duration", "1.5 Minutes", "1.5m"],
] as const)("of the %s %s is said what was meant: %s", (kind, value, meant) => {
  expect(values[kind].safeParse(value).error?.issues[0]?.message).toMatch(new RegExp(`; write ${meant}$`));
});

it.each([
  ["arch", "amd64", "`amd64` is spelled x86_64 in a recipe"],
  ["arch", "x86-64", "`x86-64` is no architecture; did you mean x86_64?"],
  ["arch", "riscv64", "`riscv64` is no architecture; known are x86_64, aarch64"],
  ["capability", "CAP_NET_RAW", "`CAP_NET_RAW` is spelled NET_RAW in a recipe"],
  ["capability", "net_raw", "`net_raw` is spelled NET_RAW in a recipe"],
  ["capability", "NET_RWA", "`NET_RWA` is no capability; did you mean NET_RAW?"],
  ["capability", "NET_BIND", "`NET_BIND` is no capability; did you mean NET_BIND_SERVICE?"],
  ["capability", "NET", "`NET` is no capability"],
  ["capability", "ALL", "`ALL` is no capability"],
] as const)("of a %s %s is said: %s", (kind, value, sentence) => {
  expect(values[kind].safeParse(value).error?.issues[0]?.message).toBe(sentence);
});

it.each([
  ["192.0.2.1/24", 4, true],
  ["192.0.2.1/33", 4, false],
  ["192.0.2.1", 4, false],
  ["192.0.2.1/24/1", 4, false],
  ["192.0.2.1/", 4, false],
  ["2001:db8::1/64", 4, false],
  ["2001:db8::1/64", 6, true],
  ["2001:db8::1/129", 6, false],
  ["fe80::1%eth0/64", 6, false],
  ["192.0.2.1/24", 6, false],
] as const)("%s as an address of IPv%i: %s", (text, family, expected) => {
  expect(values.isInterfaceAddress(text, family)).toBe(expected);
});
