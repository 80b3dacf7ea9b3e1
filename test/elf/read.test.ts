import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ElfFile, readElf } from "../../src/elf/read.ts";
import { definedVersions, neededVersions } from "../../src/elf/symbols.ts";
import { multiarch, tinyWorld } from "./tiny-world.ts";

function read(bytes: Buffer) {
  return readElf((position, length) => bytes.subarray(position, position + length), bytes.length);
}

function dynamicOf(file: string, tag: string): readonly string[] {
  const output = execFileSync("readelf", ["-dW", file], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
  return [...output.matchAll(new RegExp(`\\(${tag}\\).*?: \\[(.*)\\]`, "g"))].map((match) => match[1] ?? "");
}

describe("real files, against readelf", () => {
  const libraries = readdirSync(multiarch).filter((name) => /^lib[a-m].*\.so\.\d+$/.test(name));
  const files = [
    "/usr/bin/ls",
    "/usr/bin/gcc",
    "/usr/bin/env",
    ...libraries.slice(0, 25).map((name) => `${multiarch}/${name}`),
  ];

  test.each(files.map((file) => realpathSync(file)))("%s", (file) => {
    const image = read(readFileSync(file));
    expect(image.file.needed).toEqual(dynamicOf(file, "NEEDED"));
    expect([image.file.soname].filter((each) => each !== undefined)).toEqual(dynamicOf(file, "SONAME"));
    const versions = execFileSync("readelf", ["-VW", file], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
    const sections = versions.split("\n\n").map((section) => section.trim());
    const section = (title: string) => sections.find((each) => each.startsWith(title)) ?? "";
    const [needs, definitions] = [section("Version needs section"), section("Version definition section")];
    expect(neededVersions(image).map((each) => each.version)).toEqual(
      [...needs.matchAll(/Name: (\S+)\s+Flags/g)].map((match) => match[1]),
    );
    expect(definedVersions(image).map((each) => each.version)).toEqual(
      [...definitions.matchAll(/Cnt: \d+\s+Name: (\S+)/g)].map((match) => match[1]),
    );
  });
});

/** A file of either class and byte order with one needed library, made by hand: a header, two segments, a dynamic section, strings. */
function handmade(wide: boolean, little: boolean): Buffer {
  const bytes = Buffer.alloc(512);
  const half = (value: number, at: number) =>
    little ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at);
  const word = (value: number, at: number) =>
    little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at);
  const address = (value: number, at: number) => word(value, wide && !little ? at + 4 : at);
  const base = 0x10000;
  bytes.write("\x7fELF", "latin1");
  bytes.set([wide ? 2 : 1, little ? 1 : 2, 1], 4);
  half(3, 16);
  half(wide ? 21 : 20, 18);
  word(1, 20);
  const headers = wide ? 64 : 52;
  address(headers, wide ? 32 : 28);
  half(wide ? 56 : 32, wide ? 54 : 42);
  half(2, wide ? 56 : 44);
  const segment = (index: number, type: number, offset: number, size: number) => {
    const at = headers + index * (wide ? 56 : 32);
    word(type, at);
    address(offset, at + (wide ? 8 : 4));
    address(base + offset, at + (wide ? 16 : 8));
    address(size, at + (wide ? 32 : 16));
  };
  segment(0, 1, 0, 512);
  segment(1, 2, 256, 4 * (wide ? 16 : 8));
  const entries = [
    [1, 1],
    [5, base + 400],
    [10, 32],
    [0, 0],
  ] as const;
  for (const [index, [tag, value]] of entries.entries()) {
    address(tag, 256 + index * (wide ? 16 : 8));
    address(value, 256 + index * (wide ? 16 : 8) + (wide ? 8 : 4));
  }
  bytes.write("\0libneeded.so.1\0", 400, "latin1");
  return bytes;
}

test.each([
  ["64-bit little-endian", true, true],
  ["64-bit big-endian", true, false],
  ["32-bit little-endian", false, true],
  ["32-bit big-endian", false, false],
])("%s, without section headers, strings by address", (_, wide, little) => {
  const { file } = read(handmade(wide, little));
  expect(file).toMatchObject<Partial<ElfFile>>({
    class: wide ? 64 : 32,
    endianness: little ? "little" : "big",
    type: "shared",
    needed: ["libneeded.so.1"],
    dynamic: true,
  });
});

describe("hostile files end in a sentence", () => {
  const sound = handmade(true, true);
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(sound);
    change(bytes);
    return bytes;
  };

  test.each([
    ["no ELF file", Buffer.from("#!/bin/sh\n"), "not an ELF file"],
    ["empty", Buffer.alloc(0), "not an ELF file"],
    ["cut off in the header", sound.subarray(0, 30), "the ELF header lies outside the file"],
    ["no known class", changed((bytes) => bytes.writeUInt8(7, 4)), "the ELF header names no known class or byte order"],
    [
      "program headers beyond the end",
      changed((bytes) => bytes.fill(0xff, 32, 40)),
      "the program header table lies outside the file",
    ],
    [
      "program headers of another size",
      changed((bytes) => bytes.writeUInt16LE(57, 54)),
      "a program header has 57 bytes",
    ],
    [
      "65535 program headers",
      changed((bytes) => bytes.writeUInt16LE(65535, 56)),
      "the program header table lies outside the file",
    ],
    [
      "a dynamic section beyond the end",
      changed((bytes) => bytes.fill(0x7f, 128, 136)),
      "the dynamic section lies outside the file",
    ],
    [
      "strings at no address",
      changed((bytes) => bytes.fill(0xee, 280, 288)),
      "the name of a needed library is in a string table that is not in the file",
    ],
    [
      "a string index beyond its table",
      changed((bytes) => bytes.fill(0xff, 264, 272)),
      "the name of a needed library lies outside the string table",
    ],
    [
      "a string without an end",
      changed((bytes) => bytes.fill(0x61, 400)),
      "the name of a needed library has no end inside the file",
    ],
  ])("%s", (_, bytes, sentence) => expect(() => read(bytes)).toThrow(sentence));

  test("a file that shrinks while it is read", () => {
    expect(() =>
      readElf((position, length) => sound.subarray(position, Math.min(position + length, 300)), sound.length),
    ).toThrow("the file ends before");
  });
});

test("only headers and dynamic sections are read, not the whole file", () => {
  using world = tinyWorld();
  world.library("/lib/libbig.so", { source: `const char big[4000000] = {1}; int f(void) { return big[3]; }` });
  const bytes = readFileSync(`${world.root}/lib/libbig.so`);
  let count = 0;
  readElf((position, length) => {
    count += length;
    return bytes.subarray(position, position + length);
  }, bytes.length);
  expect(bytes.length).toBeGreaterThan(4_000_000);
  expect(count).toBeLessThan(64 * 1024);
});
