import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ElfFile, readElf } from "../../src/elf/read.ts";
import { describeLoader } from "../../src/loader/dialect.ts";
import { hostLoader } from "../elf/tiny-world.ts";

const image = readFileSync(realpathSync(hostLoader));
const { file } = readElf((position, length) => image.subarray(position, position + length), image.length);
const x86: ElfFile = { ...file, class: 64, endianness: "little", machine: 62 };
const arm: ElfFile = { ...x86, machine: 183 };

/** A loader's image that holds these strings among others. */
function strings(...texts: readonly string[]): Buffer {
  return Buffer.from(["", "/proc/self/exe", "noise/", ...texts, "/etc/ld.so.cache", ""].join("\0"), "latin1");
}

test("this machine's loader is described as it describes itself", () => {
  const diagnostics = execFileSync(hostLoader, ["--list-diagnostics"], { encoding: "utf8" });
  const told = (name: string) =>
    [...diagnostics.matchAll(new RegExp(`^${name}(?:\\[.*\\])?="(.*)"$`, "gm"))].map((match) => match[1] ?? "");
  const loader = describeLoader(file, hostLoader, image);
  expect(loader.dialect).toBe("glibc");
  expect(loader.directories.map((directory) => `${directory}/`)).toEqual(told("path.system_dirs"));
  expect([loader.lib]).toEqual(told("dl_dst_lib"));
  expect([loader.hwcaps.join(":")]).toEqual(told("dl_hwcaps_subdirs"));
});

describe("what differs between distributions is read from the loader", () => {
  test("Fedora's places: lib64, then lib", () => {
    const loader = describeLoader(
      x86,
      "/lib64/ld-linux-x86-64.so.2",
      strings("/lib64/", "/usr/lib64/", "/lib/", "/usr/lib/", "x", "lib64"),
    );
    expect(loader.directories).toEqual(["/lib64", "/usr/lib64", "/lib", "/usr/lib"]);
    expect(loader.lib).toBe("lib64");
  });

  test("Debian's places: multiarch, then lib", () => {
    const multiarch = strings(
      "/lib/aarch64-linux-gnu/",
      "/usr/lib/aarch64-linux-gnu/",
      "/lib/",
      "/usr/lib/",
      "x",
      "lib/aarch64-linux-gnu",
    );
    const loader = describeLoader(arm, "/lib/ld-linux-aarch64.so.1", multiarch);
    expect(loader.directories[0]).toBe("/lib/aarch64-linux-gnu");
    expect(loader.lib).toBe("lib/aarch64-linux-gnu");
  });

  test("a store of its own", () => {
    const loader = describeLoader(
      x86,
      "/nix/store/abc-glibc-2.40/lib/ld-linux-x86-64.so.2",
      strings("/nix/store/abc-glibc-2.40/lib/", "x", "lib"),
    );
    expect(loader.directories).toEqual(["/nix/store/abc-glibc-2.40/lib"]);
    expect(loader.lib).toBe("lib");
  });

  test("other directories among the strings are not taken for it", () => {
    const loader = describeLoader(
      arm,
      "/lib/ld-linux-aarch64.so.1",
      strings("/dev/shm/", "/proc/", "x", "/lib64/", "/usr/lib64/", "y", "lib64"),
    );
    expect(loader.directories).toEqual(["/lib64", "/usr/lib64"]);
  });

  test("without an image, or with one that holds nothing of the kind, it is a glibc as it builds by itself", () => {
    expect(describeLoader(x86, "/lib64/ld-linux-x86-64.so.2", undefined).directories).toEqual([
      "/lib64",
      "/usr/lib64",
      "/lib",
      "/usr/lib",
    ]);
    expect(describeLoader(arm, "/lib/ld-linux-aarch64.so.1", strings()).directories).toEqual(["/lib", "/usr/lib"]);
  });

  test("musl: its own directories, unless a path file replaces them", () => {
    const loader = describeLoader(
      x86,
      "/lib/ld-musl-x86_64.so.1",
      strings("%.*s/etc/ld-musl-x86_64.path", "/lib:/usr/local/lib:/usr/lib"),
    );
    expect(loader).toMatchObject({
      dialect: "musl",
      directories: ["/lib", "/usr/local/lib", "/usr/lib"],
      pathFile: "/etc/ld-musl-x86_64.path",
    });
  });
});
