import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Closure, ClosureOptions } from "../../src/loader/closure.ts";
import { resolveClosure } from "../../src/loader/resolve.ts";
import { viewRoot } from "../../src/loader/root-view.ts";
import { openDirectoryRoot } from "../../src/system/root.ts";

/** Where this machine's loader is, and the directory its distribution keeps libraries in. */
export const hostLoader = process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";
export const multiarch = `/usr/lib/${execFileSync("gcc", ["-print-multiarch"], { encoding: "utf8" }).trim()}`;

export interface Parts {
  /** `false` for none; the file's name where not given. */
  readonly soname?: string | false;
  /** Paths in the world of libraries to link with, in this order. */
  readonly needs?: readonly string[];
  readonly rpath?: string;
  readonly runpath?: string;
  /** Further options for gcc. */
  readonly flags?: readonly string[];
  readonly source?: string;
}

/** A root of a few three-line programs, with a copy of this machine's loader in its place. */
export interface TinyWorld extends Disposable {
  readonly root: string;
  library(file: string, parts?: Parts): TinyWorld;
  program(file: string, parts?: Parts): TinyWorld;
  file(file: string, content: string | Uint8Array): TinyWorld;
  link(file: string, target: string): TinyWorld;
  closure(file: string, options?: ClosureOptions): Closure;
  /** What the world's own loader lists for the file, without itself. Throws with its words where it gives up. */
  loaderSays(file: string, ...options: readonly string[]): readonly string[];
  /** What the loader says on stderr when it starts the file. */
  complaints(file: string): string;
}

export function tinyWorld(): TinyWorld {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), "tiny-world-")));
  const onDisk = (file: string) => {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    return path.join(root, file);
  };
  copyFileSync(realpathSync(hostLoader), onDisk(hostLoader));

  function compile(file: string, kind: readonly string[], parts: Parts): void {
    const linked = (parts.needs ?? []).flatMap((need) => [
      `-L${root}${path.dirname(need)}`,
      `-l:${path.basename(need)}`,
    ]);
    const command = [
      ...["-nostdlib", "-fPIC", "-x", "c", "-", "-x", "none", "-o", onDisk(file)],
      ...kind,
      ...(parts.rpath === undefined ? [] : ["-Wl,--disable-new-dtags", "-Xlinker", "-rpath", "-Xlinker", parts.rpath]),
      ...(parts.runpath === undefined
        ? []
        : ["-Wl,--enable-new-dtags", "-Xlinker", "-rpath", "-Xlinker", parts.runpath]),
      ...["-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"],
      ...linked,
      ...(parts.flags ?? []),
    ];
    execFileSync("gcc", command, {
      input: parts.source ?? `int ${nameOf(file)}(void) { return 0; }`,
      stdio: ["pipe", "pipe", "inherit"],
    });
  }

  const world: TinyWorld = {
    root,
    library(file, parts = {}) {
      const soname =
        parts.soname === false ? [] : ["-Xlinker", "-soname", "-Xlinker", parts.soname ?? path.basename(file)];
      compile(file, ["-shared", ...soname], parts);
      return world;
    },
    program(file, parts = {}) {
      compile(file, ["-pie", `-Wl,-e,${nameOf(file)}`], parts);
      return world;
    },
    file(file, content) {
      writeFileSync(onDisk(file), content);
      return world;
    },
    link(file, target) {
      symlinkSync(target, onDisk(file));
      return world;
    },
    closure: (file, options) => resolveClosure(viewRoot(openDirectoryRoot(root)), file, options),
    loaderSays(file, ...options) {
      const { status, stdout, stderr } = runLoader(root, [...options, "--list", file]);
      if (status !== 0) throw new Error(stderr);
      return listed(stdout);
    },
    complaints: (file) => runLoader(root, [file]).stderr,
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
  return world;
}

function runLoader(
  root: string,
  options: readonly string[],
): { status: number | null; stdout: string; stderr: string } {
  const chroot = process.getuid?.() === 0 ? ["chroot"] : ["unshare", "--map-root-user", "chroot"];
  const [program = "", ...args] = [...chroot, root, hostLoader, ...options];
  return spawnSync(program, args, { encoding: "utf8", env: { PATH: process.env.PATH, LC_ALL: "C" } });
}

function listed(stdout: string): readonly string[] {
  const lines = stdout.split("\n").map((line) => /^\t(?:.* => )?(\/.*?)(?: \(0x[0-9a-f]+\))?$/.exec(line)?.[1]);
  return lines.filter((file) => file !== undefined && file !== hostLoader) as string[];
}

/** The C name of the one function in a file. */
function nameOf(file: string): string {
  return path.basename(file).replace(/\..*/, "").replace(/\W/g, "_");
}

/** Paths without the loader's, as `loaderSays` gives them. */
export function paths(closure: Closure): readonly string[] {
  return closure.files.map((file) => file.path).filter((file) => file !== hostLoader);
}

/** `path  rule` per file, without the loader. */
export function rules(closure: Closure): readonly string[] {
  return closure.files.filter((file) => file.path !== hostLoader).map((file) => `${file.path}  ${file.foundBy}`);
}
