import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { unpackPackage } from "../../src/packages/unpack.ts";
import { silent } from "../../src/system/log.ts";
import { createRun } from "../../src/system/run.ts";
import { requireTools } from "../support/tools.ts";

const run = createRun(silent, new AbortController().signal);
const directory = mkdtempSync(path.join(tmpdir(), "unpack-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** A package with one file of so many zeros besides a text. */
function deb(name: string, zeros: number): { readonly name: string; readonly file: string; readonly tar: string } {
  const tree = path.join(directory, name);
  mkdirSync(path.join(tree, "DEBIAN"), { recursive: true });
  const control = { Package: name, Version: "1", Architecture: "all", Maintainer: "x", Description: "x" };
  const lines = Object.entries(control).map(([key, value]) => `${key}: ${value}\n`);
  writeFileSync(path.join(tree, "DEBIAN/control"), lines.join(""));
  writeFileSync(path.join(tree, "text"), "text");
  writeFileSync(path.join(tree, "zeros"), "");
  truncateSync(path.join(tree, "zeros"), zeros);
  const file = path.join(directory, `${name}.deb`);
  execFileSync("dpkg-deb", ["-Zzstd", "-z1", "--root-owner-group", "--build", tree, file]);
  return { name: `${name} 1`, file, tar: path.join(directory, `${name}.tar`) };
}

describe.runIf(requireTools("dpkg-deb"))("the files of a package", () => {
  it("are the tar that dpkg-deb writes, with zeros as holes", async () => {
    const packed = deb("sound", 64 * 1024 * 1024);
    await unpackPackage(packed.name, packed.file, packed.tar, run);
    const expected = execFileSync("dpkg-deb", ["--fsys-tarfile", packed.file], { maxBuffer: 1024 ** 3 });
    expect(readFileSync(packed.tar).equals(expected)).toBe(true);
    expect(statSync(packed.tar).blocks * 512).toBeLessThan(1024 * 1024);
  });

  it("are refused where they would fill the disk, and take no room", async () => {
    const packed = deb("bomb", 3 * 1024 ** 3);
    await expect(unpackPackage(packed.name, packed.file, packed.tar, run)).rejects.toThrow(
      "cannot unpack package bomb 1: its files take more than 1024 MiB, which is absurdly much for its size",
    );
    expect(statSync(packed.tar).blocks * 512).toBeLessThan(1024 * 1024);
  }, 120_000);

  it("are refused where the package is damaged", async () => {
    const packed = deb("damaged", 1000);
    truncateSync(packed.file, statSync(packed.file).size - 100);
    await expect(unpackPackage(packed.name, packed.file, packed.tar, run)).rejects.toThrow(
      /^cannot unpack package damaged 1: .*(end|error|truncated)/,
    );
  });
});
