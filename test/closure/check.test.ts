import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkSymbols, checkVersions } from "../../src/closure/check.ts";
import type { Closure } from "../../src/loader/closure.ts";
import { resolveClosure } from "../../src/loader/resolve.ts";
import { viewRoot } from "../../src/loader/root-view.ts";
import { openDirectoryRoot } from "../../src/system/root.ts";
import { type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";

let world: TinyWorld;
beforeEach(() => {
  world = tinyWorld();
});
afterEach(() => world[Symbol.dispose]());

function checked(check: typeof checkSymbols, file = "/bin/prog"): readonly string[] {
  const view = viewRoot(openDirectoryRoot(world.root));
  const closure: Closure = resolveClosure(view, file);
  expect(closure.missing).toEqual([]);
  return check(view, closure).map((finding) => `${finding.severity}: ${finding.sentence}`);
}

/** A library that defines `greet` in these versions, the last of them the default. */
function versioned(file: string, ...versions: readonly string[]): void {
  world.file("/map", versions.map((version) => `${version} { global: greet; };`).join("\n"));
  world.library(file, { source: "int greet(void) { return 1; }", flags: [`-Wl,--version-script=${world.root}/map`] });
}

const greeting = { source: "int greet(void); int prog(void) { return greet(); }", needs: ["/lib/libgreet.so"] };

describe("symbol versions", () => {
  test("every needed one that is defined is fine", () => {
    versioned("/lib/libgreet.so", "GREET_1");
    world.program("/bin/prog", greeting);
    expect(checked(checkVersions)).toEqual([]);
  });

  test("one that the library does not define is an error, as it is for the loader", () => {
    versioned("/lib/libgreet.so", "GREET_2");
    world.program("/bin/prog", greeting);
    versioned("/lib/libgreet.so", "GREET_1");
    expect(checked(checkVersions)).toEqual([
      "error: /bin/prog needs version GREET_2 of libgreet.so: libgreet.so does not define it",
    ]);
    expect(world.complaints("/bin/prog")).toContain("version `GREET_2' not found");
  });

  test("a library without any versions is a warning", () => {
    versioned("/lib/libgreet.so", "GREET_1");
    world.program("/bin/prog", greeting);
    world.library("/lib/libgreet.so", { source: "int greet(void) { return 1; }" });
    expect(checked(checkVersions)).toEqual([
      "warning: /bin/prog needs version GREET_1 of libgreet.so: libgreet.so has no versions",
    ]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/lib/libgreet.so"]);
  });
});

describe("undefined symbols", () => {
  test("a strong one that nobody defines is an error", () => {
    world.library("/lib/libgreet.so", { source: "int greet(void) { return 1; }" }).program("/bin/prog", greeting);
    expect(checked(checkSymbols)).toEqual([]);
    world.library("/lib/libgreet.so", { source: "int other(void) { return 1; }" });
    expect(checked(checkSymbols)).toEqual(["error: /bin/prog uses greet, which no file of its closure defines"]);
  });

  test("a weak one is not", () => {
    const weak = "__attribute__((weak)) int greet(void); int prog(void) { return greet ? greet() : 0; }";
    world.library("/lib/libgreet.so", { source: "int greet(void) { return 1; }" });
    world.program("/bin/prog", { ...greeting, source: weak });
    world.library("/lib/libgreet.so", { source: "int other(void) { return 1; }" });
    expect(checked(checkSymbols)).toEqual([]);
  });

  test("a definition in another version does not do", () => {
    versioned("/lib/libgreet.so", "GREET_2");
    world.program("/bin/prog", greeting);
    versioned("/lib/libgreet.so", "GREET_1");
    expect(checked(checkSymbols)).toEqual([
      "error: /bin/prog uses greet@GREET_2, which no file of its closure defines",
    ]);
  });

  test("they are found without DT_HASH and without section headers", () => {
    world.library("/lib/libgreet.so", { source: "int greet(void) { return 1; }", flags: ["-Wl,--hash-style=gnu"] });
    world.program("/bin/prog", { ...greeting, flags: ["-Wl,--hash-style=gnu"] });
    const bytes = readFileSync(`${world.root}/bin/prog`);
    world.file("/bin/bare", bytes.fill(0, 40, 48).fill(0, 58, 64));
    world.library("/lib/libgreet.so", { source: "int other(void) { return 1; }", flags: ["-Wl,--hash-style=gnu"] });
    expect(checked(checkSymbols, "/bin/bare")).toEqual([
      "error: /bin/bare uses greet, which no file of its closure defines",
    ]);
  });
});
