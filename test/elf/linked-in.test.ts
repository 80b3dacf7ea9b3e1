import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readLinkedIn } from "../../src/elf/linked-in.ts";
import { dependencyList, goBuildInformation, goLines, linkedSource } from "./linked-source.ts";
import { type Parts, type TinyWorld, tinyWorld } from "./tiny-world.ts";

let world: TinyWorld;
beforeEach(() => {
  world = tinyWorld();
});
afterEach(() => world[Symbol.dispose]());

function linkedIn(bytes: Buffer) {
  return readLinkedIn((position, length) => bytes.subarray(position, position + length), bytes.length);
}

/** The bytes of a program that carries this in a section. */
function program(section: string, content: Buffer, parts: Parts = {}): Buffer {
  world.program("/bin/prog", { source: linkedSource("prog", section, content), ...parts });
  return readFileSync(`${world.root}/bin/prog`);
}

const modules = [
  ["mod", "example.org/prog", "(devel)", ""],
  ["dep", "example.org/Lib/v2", "v2.0.1+incompatible", "h1:one="],
  ["dep", "example.org/old", "v1.0.0", "h1:two="],
  ["=>", "example.org/fork", "v1.0.1", "h1:three="],
] as const;
const named = [
  { language: "go", name: "example.org/Lib/v2", version: "v2.0.1+incompatible", published: true, sum: "h1:one=" },
  { language: "go", name: "example.org/fork", version: "v1.0.1", published: true, sum: "h1:three=" },
  { language: "go", name: "example.org/prog", version: undefined, published: false },
  { language: "go", name: "stdlib", version: "1.22.1", published: true },
];

describe("Go's build information", () => {
  const withoutC = goLines(modules, { CGO_ENABLED: "0" });

  it("names the modules, replacements in place of what they replace, and the standard library", () => {
    expect(linkedIn(program(".go.buildinfo", goBuildInformation("go1.22.1", withoutC)))).toEqual({
      modules: named,
      whole: true,
    });
  });

  it("is found without section headers, too", () => {
    const bytes = program(".data", goBuildInformation("go1.22.1", withoutC));
    bytes.fill(0, 40, 48).fill(0, 58, 64);
    expect(linkedIn(bytes)?.modules).toEqual(named);
  });

  it("of a compiler before 1.18 is behind pointers", () => {
    const source = `
      static const char version[] = "go1.17.3";
      static const char lines[] = ${JSON.stringify("x".repeat(16))} ${JSON.stringify(goLines(modules, {}))} ${JSON.stringify("y".repeat(16))};
      static const struct { const char *text; unsigned long length; } strings[2] = {
        { version, sizeof version - 1 }, { lines, sizeof lines - 1 } };
      __attribute__((section(".go.buildinfo"), used, aligned(16))) static struct { char magic[14], size, flags; const void *pointers[2]; }
        header = { "\\xff Go buildinf:", 8, 0, { &strings[0], &strings[1] } };
      int prog(void) { return header.size; }`;
    world.program("/bin/prog", { source, flags: ["-no-pie", "-static", "-Wl,-e,prog"] });
    const found = linkedIn(readFileSync(`${world.root}/bin/prog`));
    expect(found?.modules.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "example.org/Lib/v2 v2.0.1+incompatible",
      "example.org/fork v1.0.1",
      "example.org/prog undefined",
      "stdlib 1.17.3",
    ]);
    // It does not say whether there is a C library in it.
    expect(found?.whole).toBe(false);
  });

  it.each([
    ["a static program that may have a C library in it", goLines(modules, { CGO_ENABLED: "1" }), {}],
    ["a program that was built without modules", goLines([], { CGO_ENABLED: "0" }), {}],
  ])("is not all that is in %s", (_, lines, parts) => {
    const found = linkedIn(program(".go.buildinfo", goBuildInformation("go1.22.1 X:boringcrypto", lines), parts));
    expect(found).toMatchObject({ whole: false });
    expect(found?.modules.at(-1)).toMatchObject({ name: "stdlib", version: "1.22.1" });
  });

  it("is all that is in a program that opens its C library", () => {
    world.library("/lib/libc.so.6");
    const bytes = program(".go.buildinfo", goBuildInformation("go1.22.1", goLines(modules, { CGO_ENABLED: "1" })), {
      needs: ["/lib/libc.so.6"],
    });
    expect(linkedIn(bytes)).toMatchObject({ whole: true });
  });
});

describe("Rust's list of crates", () => {
  const packages = [
    { name: "serde", version: "1.0.1", source: "crates.io" },
    { name: "cc", version: "1.0.2", source: "crates.io", kind: "build" },
    { name: "prog", version: "0.1.0", source: "local", root: true, dependencies: [0] },
    { name: "forked", version: "0.2.0", source: "git" },
  ];

  it("names the crates but those that only built it", () => {
    world.library("/lib/libc.so.6");
    const bytes = program(".dep-v0", dependencyList({ packages }), { needs: ["/lib/libc.so.6"] });
    expect(linkedIn(bytes)).toEqual({
      modules: [
        { language: "rust", name: "forked", version: "0.2.0", published: false },
        { language: "rust", name: "prog", version: "0.1.0", published: false },
        { language: "rust", name: "serde", version: "1.0.1", published: true },
      ],
      whole: true,
    });
    expect(linkedIn(program(".dep-v0", dependencyList({ packages })))).toMatchObject({ whole: false });
  });

  it.each([
    ["no zlib", Buffer.from("nothing of the kind")],
    ["no JSON", deflateSync("{")],
    ["null", deflateSync("null")],
    ["no list", dependencyList({ packages: { a: 1 } as never })],
    ["a list of anything", dependencyList({ packages: [null, 1, "x", { name: 1 }, {}] as never })],
    ["a gigabyte of zeros in a megabyte", deflateSync(Buffer.alloc(1 << 28))],
    ["more crates than there are", dependencyList({ packages: Array(30_000).fill(packages[0]) })],
  ])("that is %s declares nothing", (_, content) => {
    expect(linkedIn(program(".dep-v0", content))).toEqual({ modules: [], whole: false });
  });
});

it("a program of C declares nothing", () => {
  world.program("/bin/prog");
  expect(linkedIn(readFileSync(`${world.root}/bin/prog`))).toEqual({ modules: [], whole: false });
});

it.each([
  ["a script", "#!/bin/sh\n"],
  ["an empty file", ""],
])("%s is no native file", (_, text) => {
  expect(linkedIn(Buffer.from(text))).toBeUndefined();
});

it("whatever bytes are damaged, it is read or declares nothing", () => {
  const sound = [
    program(".go.buildinfo", goBuildInformation("go1.22.1", goLines(modules, { CGO_ENABLED: "0" }))),
    program(".dep-v0", dependencyList({ packages: [{ name: "a", version: "1", source: "git" }] })),
  ];
  const damage = fc.record({
    file: fc.nat({ max: 1 }),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });
  fc.assert(
    fc.property(damage, ({ file, at, bytes }) => {
      const copy = Buffer.from(sound[file] ?? []);
      copy.set(bytes.subarray(0, copy.length - (at % copy.length)), at % copy.length);
      linkedIn(copy);
      linkedIn(copy.subarray(0, at % copy.length));
    }),
    { numRuns: 3000 },
  );
});
