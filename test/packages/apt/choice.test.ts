import { describe, expect, it } from "vitest";
import { choosePackage } from "../../../src/packages/apt/choice.ts";
import type { Stanza } from "../../../src/packages/apt/control.ts";

/** Packages by name, each with the names it depends on, its section and its source. */
const packages: Readonly<Record<string, readonly [needs: readonly string[], section: string, source?: string]>> = {
  server: [["server-common", "libz1", "libc6", "python3", "tools", "libpam0g", "python3-lib"], "net", "server"],
  "server-common": [[], "net", "server"],
  tools: [[], "admin"],
  libz1: [["libc6"], "libs"],
  libc6: [["libgcc-s1"], "libs"],
  "libgcc-s1": [[], "libs"],
  libpam0g: [[], "libs"],
  python3: [["python3-minimal"], "python"],
  "python3-minimal": [[], "python"],
  "python3-lib": [[], "python"],
  libfar1: [[], "libs"],
  dash: [[], "shells"],
  coreutils: [[], "utils"],
  sed: [[], "utils"],
};
const essential = ["coreutils", "dash", "sed"];
const stanzas = new Map<string, Stanza>(
  Object.entries(packages).map(([name, [, section, source = name]]) => [name, { package: name, section, source }]),
);

async function chosen(
  wanted: string,
  taken: readonly string[] = ["libc6"],
  optional = false,
  requiredBy: readonly string[] = ["/usr/sbin/served"],
) {
  const catalog = {
    find: async (names: readonly string[]) => names.map((name) => stanzas.get(name)),
    dependenciesOf: async (those: readonly Stanza[]) => {
      const names = new Set(those.flatMap((each) => packages[each.package ?? ""]?.[0] ?? []));
      return [...names].map((name) => stanzas.get(name) ?? {});
    },
  };
  const whole = { ...catalog, essential: async () => essential.map((name) => stanzas.get(name) ?? {}) };
  const requesters = [stanzas.get("server") ?? {}];
  const isTaken = (stanza: Stanza) => taken.includes(stanza.package ?? "");
  const choices = await choosePackage({ wanted, requiredBy, optional }, { catalog: whole, requesters, isTaken });
  return choices.map(({ stanza, conventional }) => `${stanza.package}${conventional ? "" : "?"}`);
}

describe("the package to look into next", () => {
  it.each([
    ["libz.so.1", ["libz1"], "a dependency with the conventional name"],
    ["libgcc_s.so.1", ["libgcc-s1"], "such a one further down, though a nearer package could be guessed"],
    ["libserver-private.so.3", ["server-common?"], "a guess: the requester's own source"],
    ["libpam.so.0", ["libpam0g?"], "a guess: a name that begins alike, before the own source"],
    ["/usr/bin/python3", ["python3?"], "a guess: the package called like the program"],
    ["/bin/sh", ["dash"], "the essential package that has it, on which nothing depends"],
    ["/usr/bin/env", ["coreutils"], "another essential package"],
    ["/bin/sed", ["sed"], "an essential package called like the program"],
  ])("for %s is %s: %s", async (wanted, expected) => expect(await chosen(wanted)).toEqual(expected));

  it("is a part of the program called so rather than an extension of it", async () => {
    expect(await chosen("/usr/bin/python3", ["libc6", "python3"])).toEqual(["python3-minimal?"]);
  });

  it("is another guess after one was wrong, and none in the end", async () => {
    const taken = ["libc6"];
    for (let next = await chosen("libodd.so.9", taken); next.length > 0; next = await chosen("libodd.so.9", taken)) {
      taken.push(...next.map((each) => each.replace("?", "")));
    }
    expect(taken).toEqual(["libc6", "server-common", "libpam0g", "libz1", "python3", "python3-lib", "tools"]);
  });

  it("is no essential package for a program that none of them has, nor for one that nobody begins with", async () => {
    const taken = ["libc6", "server-common", "libpam0g", "libz1", "python3", "python3-lib", "tools"];
    expect(await chosen("/usr/bin/odd", taken)).toEqual([]);
    expect(await chosen("/bin/sh", taken, false, [])).toEqual([]);
  });

  it("is none on a guess for what is merely recommended, nor what nothing depends on", async () => {
    expect(await chosen("libodd.so.9", ["libc6"], true)).toEqual([]);
    expect(await chosen("libfar.so.1", ["libc6"], true)).toEqual([]);
    expect(await chosen("libgcc_s.so.1", ["libc6"], true)).toEqual(["libgcc-s1"]);
  });
});
