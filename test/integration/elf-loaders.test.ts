import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NotAProgram } from "../../src/elf/errors.ts";
import { looksLikeElf } from "../../src/elf/read.ts";
import type { Closure } from "../../src/loader/closure.ts";
import { usualInterpreters } from "../../src/loader/dialect.ts";
import { resolveClosure } from "../../src/loader/resolve.ts";
import { type RootView, viewRoot } from "../../src/loader/root-view.ts";
import { locate, openDirectoryRoot } from "../../src/system/root.ts";
import { run } from "../support/run.ts";
import { findMirror, unpackDebs } from "../support/standin/debian.ts";
import { requireTools } from "../support/tools.ts";

interface World {
  /** Packages of this Debian architecture, in one root. */
  readonly arch: "amd64" | "arm64" | "i386";
  readonly packages: readonly string[];
  readonly interpreter: string;
  /** Runs the loader of the world, where this machine cannot. */
  readonly emulator?: readonly string[];
}

/** Worlds whose loaders differ: Debian's, Fedora's layout, another architecture's. */
const worlds: Readonly<Record<string, World>> = {
  "Debian for arm64": {
    arch: "arm64",
    packages: [
      "libc6",
      "libgcc-s1",
      "libstdc++6",
      "coreutils",
      "bash",
      "libtinfo6",
      "libselinux1",
      "libpcre2-8-0",
      "libacl1",
      "libgmp10",
    ],
    interpreter: "/lib/ld-linux-aarch64.so.1",
    emulator: ["qemu-aarch64-static"],
  },
  "a glibc with Fedora's directories": {
    arch: "i386",
    packages: ["libc6-amd64"],
    interpreter: "/lib64/ld-linux-x86-64.so.2",
  },
};

const canRun = process.arch === "x64" && requireTools("root", "apt-get", "dpkg-deb", "qemu-aarch64-static");

describe.runIf(canRun).each(Object.entries(worlds))("%s", (_, { arch, packages, interpreter, emulator = [] }) => {
  let directory = "";
  const root = () => path.join(directory, "root");

  beforeAll(async () => {
    directory = mkdtempSync("/var/tmp/loaders-");
    const { bookworm } = await findMirror(run);
    await unpackDebs(run, { source: bookworm, arch, names: packages, directory });
    mkdirSync(root());
    for (const name of packages) {
      execFileSync("cp", ["-a", `${path.join(directory, name)}/.`, root()]);
    }
    for (const name of ["bin", "sbin", "lib", "lib64"]) mergeIntoUsr(root(), name);
    for (const program of emulator) execFileSync("cp", [`/usr/bin/${program}`, path.join(root(), "emulator")]);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** The world's own loader, as its user would start it. */
  function ownLoader(...args: readonly string[]) {
    const command = ["chroot", root(), ...(emulator.length > 0 ? ["/emulator"] : []), interpreter, ...args];
    const [program = "", ...rest] = command;
    return spawnSync(program, rest, { encoding: "utf8", env: { PATH: process.env.PATH } });
  }

  test("the loader's image says what the loader says", () => {
    const view = viewRoot(openDirectoryRoot(root()));
    const place = view.locate(interpreter);
    const examined = place === undefined ? undefined : view.examine(place);
    if (examined === undefined || "broken" in examined) throw new Error("the world has no loader");
    expect(usualInterpreters(examined.image.file)).toContain(interpreter);
    const loader = view.loader(examined.image.file, interpreter);
    const diagnostics = ownLoader("--list-diagnostics").stdout;
    const told = (name: string) =>
      [...diagnostics.matchAll(new RegExp(`^${name}(?:\\[.*\\])?="(.*)"$`, "gm"))].map((match) => match[1]);
    expect(loader.directories.map((each) => `${each}/`)).toEqual(told("path.system_dirs"));
    expect([loader.lib]).toEqual(told("dl_dst_lib"));
    expect([loader.hwcaps.join(":")]).toEqual(told("dl_hwcaps_subdirs"));
  });

  test("every program and library has the closure that the loader lists", () => {
    const { compared, differences } = compare(root(), (file) => ownLoader("--list", file), interpreter);
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(10);
  });
});

/** How many of its files are compared; CLOSURE_SAMPLE=Infinity takes them all, which is a matter of minutes. */
const sample = Number(process.env.CLOSURE_SAMPLE ?? 150);

describe.runIf(requireTools("gcc"))("this machine", () => {
  const interpreter = process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";

  test("a sample of its programs and libraries, against its loader", () => {
    const list = (file: string) => spawnSync(interpreter, ["--list", file], { encoding: "utf8", cwd: "/", env: {} });
    const { compared, differences } = compare("/", list, interpreter, sample);
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(50);
  });
});

/** Directories that packages carry beside their merged place. */
function mergeIntoUsr(root: string, name: string): void {
  const loose = path.join(root, name);
  const merged = path.join(root, "usr", name);
  if (statSync(loose, { throwIfNoEntry: false }) === undefined) return;
  if (statSync(merged, { throwIfNoEntry: false }) === undefined) {
    mkdirSync(path.dirname(merged), { recursive: true });
    renameSync(loose, merged);
  } else {
    execFileSync("cp", ["-a", `${loose}/.`, merged]);
    rmSync(loose, { recursive: true });
  }
  execFileSync("ln", ["-s", `usr/${name}`, loose]);
}

/** At most `most` files, evenly spread; a file that the loader gives up on has to lack something here, too. */
function compare(
  root: string,
  list: (file: string) => { status: number | null; stdout: string },
  interpreter: string,
  most = Number.POSITIVE_INFINITY,
): { compared: number; differences: readonly string[] } {
  const view = viewRoot(openDirectoryRoot(root));
  const files = elfFiles(root);
  const step = Math.max(1, Math.floor(files.length / most));
  const differences: string[] = [];
  let compared = 0;
  for (const file of files.filter((_, index) => index % step === 0)) {
    const closure = closureOf(view, file);
    if (closure === undefined || !isFor(view, closure, interpreter)) continue;
    const { status, stdout } = list(file);
    compared++;
    const ours = closure.files.filter(
      (each) => each.foundBy !== "dlopen" && each.path !== locate(view.root, interpreter)?.path,
    );
    const theirs = listed(stdout).map((each) => view.locate(each)?.path ?? each);
    const loader = view.locate(interpreter)?.path;
    const expected = theirs.filter((each) => each !== loader).toSorted();
    const agree = status === 0 ? same(ours.map((each) => each.path).toSorted(), expected) : closure.missing.length > 0;
    if (!agree) differences.push(`${file}: ours ${ours.map((each) => each.path)}, the loader's ${expected}`);
  }
  return { compared, differences };
}

function closureOf(view: RootView, file: string): Closure | undefined {
  try {
    const closure = resolveClosure(view, file);
    return closure.kind === "dynamic" ? closure : undefined;
  } catch (error) {
    if (error instanceof NotAProgram) return undefined;
    throw error;
  }
}

/** The loader lists files of its own ABI only, and not itself. */
function isFor(view: RootView, closure: Closure, interpreter: string): boolean {
  const place = view.locate(closure.binary);
  const examined = place === undefined ? undefined : view.examine(place);
  if (examined === undefined || "broken" in examined || closure.binary === view.locate(interpreter)?.path) return false;
  return usualInterpreters(examined.image.file).includes(interpreter);
}

function listed(stdout: string): readonly string[] {
  const lines = stdout.split("\n").map((line) => /^\t(?:.* => )?(\/.*?) \(0x[0-9a-f]+\)$/.exec(line)?.[1]);
  return lines.filter((each) => each !== undefined);
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each, index) => each === other[index]);
}

function elfFiles(root: string): readonly string[] {
  const found: string[] = [];
  for (const top of ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/libexec"]) {
    const directory = path.join(root, top);
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) continue;
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (entry.isFile() && looksLikeElf(firstBytes(file))) found.push(root === "/" ? file : file.slice(root.length));
    }
  }
  return [...new Set(found.map((file) => (root === "/" ? realpathSync(file) : file)))];
}

function firstBytes(file: string): Buffer {
  const opened = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(4);
    return bytes.subarray(0, readSync(opened, bytes));
  } finally {
    closeSync(opened);
  }
}
