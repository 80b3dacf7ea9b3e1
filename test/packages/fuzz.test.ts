import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { parseHeaderDetails } from "../../src/packages/dnf/rpm.ts";
import { PayloadRoot } from "../../src/packages/payload.ts";
import { unpackPackage, unpackRpms } from "../../src/packages/unpack.ts";
import { Failure } from "../../src/system/errors.ts";
import { silent } from "../../src/system/log.ts";
import { createRun } from "../../src/system/run.ts";
import { handMadeTar } from "../support/apt-repository.ts";
import { packageNamed } from "../support/package.ts";
import { requireTools } from "../support/tools.ts";

/** `npm run fuzz` tries 20,000. The same seed gives the same cases. */
const cases = Number(process.env.FUZZ_CASES ?? 400);
const seed = Number(process.env.FUZZ_SEED ?? 1);
/** Starting a program for each would take too long. */
const everyProgram = 40;

const directory = mkdtempSync(path.join(tmpdir(), "fuzz-"));
afterAll(() => rmSync(directory, { recursive: true }));
const run = createRun(silent, new AbortController().signal);

/** mulberry32: a generator of numbers from 0 to below `limit` that needs no more than 32 bits of state. */
function generator(state: number): (limit: number) => number {
  let at = state;
  return (limit) => {
    at = (at + 0x6d2b79f5) | 0;
    let mixed = Math.imul(at ^ (at >>> 15), at | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

/** Some bytes changed, some cut out, some doubled; of a tar, the checksums are right again more often than not. */
function damaged(sound: Buffer, next: (limit: number) => number, isTar: boolean): Buffer {
  let bytes = Buffer.from(sound);
  for (let change = next(6); change >= 0; change--) {
    const at = next(bytes.length);
    const kind = next(8);
    if (kind === 0) bytes = bytes.subarray(0, at);
    else if (kind === 1)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(at + next(600), bytes.length))]);
    else if (kind === 2) bytes = Buffer.concat([bytes, bytes.subarray(at)]);
    else
      for (let index = at; index < Math.min(at + 1 + next(12), bytes.length); index++)
        bytes[index] = next(3) === 0 ? 0xff : next(256);
    if (bytes.length === 0) return bytes;
  }
  return isTar && next(4) > 0 ? withChecksums(bytes) : bytes;
}

function withChecksums(bytes: Buffer): Buffer {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (bytes.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    bytes.write("        ", at + 148);
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
  }
  return bytes;
}

async function refusedOrRead(act: () => unknown): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.message).toMatch(/^cannot /);
  }
}

function readAll(tar: string): void {
  using root = new PayloadRoot([{ path: "/lib", into: "/usr/lib" }]);
  root.add(packageNamed("fuzzed"), tar);
  const pending = ["/"];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    root.ownershipOf(next);
    root.read(next, 0, 100);
    for (const name of root.names(next)) pending.push(`${next === "/" ? "" : next}/${name}`);
  }
}

const pax = Buffer.from("30 SCHILY.xattr.user.a=0123456\n18 path=usr/long\n");
const tar = handMadeTar([
  { name: "./usr/", type: "5" },
  { name: "./usr/bin/prog", type: "0", bytes: Buffer.alloc(700, 7) },
  { name: "./usr/bin/twin", type: "1", link: "./usr/bin/prog" },
  { name: "./lib/link", type: "2", link: "../usr/bin" },
  { name: "long", type: "L", bytes: Buffer.from(`usr/${"d/".repeat(100)}x\0`) },
  { name: "x", type: "0", bytes: Buffer.from("x") },
  { name: "pax", type: "x", bytes: pax },
  { name: "y", type: "0", bytes: Buffer.from("y") },
]);
const header = "/usr/bin/prog\troot\troot\tcap_net_raw=ep\n/etc/x\tdaemon\tdaemon\t(none)\n";

it(`${cases} damaged archives are read or refused in a sentence`, async () => {
  const next = generator(seed);
  const file = path.join(directory, "tar");
  for (let index = 0; index < cases; index++) {
    writeFileSync(file, damaged(tar, next, true));
    await refusedOrRead(() => readAll(file));
    await refusedOrRead(() => parseHeaderDetails(damaged(Buffer.from(header), next, false).toString()));
  }
}, 600_000);

it.runIf(requireTools("dpkg-deb"))("so are damaged .deb files (ar)", () => programs("dpkg-deb", debFile()), 1_200_000);
it.runIf(requireTools("rpmbuild", "rpm2archive"))(
  "so are damaged .rpm files (header, cpio)",
  () => programs("rpm2archive", rpmFile()),
  1_200_000,
);

async function programs(tool: "dpkg-deb" | "rpm2archive", sound: Buffer): Promise<void> {
  const next = generator(seed + 1);
  const [file, unpacked] = [path.join(directory, "case"), path.join(directory, "case.tar")];
  for (let index = 0; index < cases; index += everyProgram) {
    writeFileSync(file, damaged(sound, next, false));
    for (const old of [unpacked, `${unpacked}.failed`]) rmSync(old, { force: true });
    await refusedOrRead(async () => {
      if (tool === "dpkg-deb") await unpackPackage("case", file, unpacked, run);
      else await run(["sh", "-c", unpackRpms, "sh", file]);
      readAll(unpacked);
    });
  }
}

function debFile(): Buffer {
  const tree = path.join(directory, "deb");
  mkdirSync(path.join(tree, "DEBIAN"), { recursive: true });
  writeFileSync(
    path.join(tree, "DEBIAN/control"),
    "Package: fuzzed\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n",
  );
  writeFileSync(path.join(tree, "file"), "content".repeat(100));
  execFileSync("dpkg-deb", ["-Zgzip", "--root-owner-group", "--build", tree, `${tree}.deb`]);
  return readFileSync(`${tree}.deb`);
}

function rpmFile(): Buffer {
  const spec = path.join(directory, "fuzzed.spec");
  writeFileSync(
    spec,
    "Name: fuzzed\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\n%description\nx\n%install\nmkdir -p %{buildroot}/usr\necho content > %{buildroot}/usr/file\n%files\n/usr/file\n",
  );
  const settings = { _topdir: path.join(directory, "rpm"), _rpmdir: directory, _rpmfilename: "fuzzed.rpm" };
  const defines = Object.entries(settings).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
  execFileSync("rpmbuild", ["-bb", "--quiet", ...defines, spec], { stdio: "ignore" });
  return readFileSync(path.join(directory, "fuzzed.rpm"));
}
