import path from "node:path";
import type { ElfFile } from "../elf/read.ts";

/** What the loader of a root does by itself: everything that differs between distributions stands in its own image. */
export interface Loader {
  readonly dialect: "glibc" | "musl";
  /** Searched when nothing else has the library, in order; without the slash at the end. */
  readonly directories: readonly string[];
  /** What $LIB stands for; undefined where the loader does not know the token. */
  readonly lib: string | undefined;
  /** What $PLATFORM stands for on any processor of the architecture. */
  readonly platform: string | undefined;
  /** Names below glibc-hwcaps that some processors prefer. */
  readonly hwcaps: readonly string[];
  /** Directories below every searched directory that are preferred on every processor (glibc up to 2.36). */
  readonly always: readonly string[];
  /** The flags of the cache's entries that are for this loader; undefined where any will do. */
  readonly cacheFlags: number | undefined;
  /** musl's list of directories, which replaces the built-in one. */
  readonly pathFile: string | undefined;
}

interface Abi {
  readonly class: 32 | 64;
  readonly endianness?: "little" | "big";
  readonly interpreter: string;
  readonly musl: string;
  readonly platform: string;
  readonly cacheFlags?: number;
}

/**
 * Where each ABI puts its loader, and the flags of ldconfig.h in glibc: constants of the architectures' ABI supplements, not of
 * distributions. Keys are values of e_machine.
 */
const abis: Readonly<Record<number, readonly Abi[]>> = {
  3: [{ class: 32, interpreter: "/lib/ld-linux.so.2", musl: "i386", platform: "i686", cacheFlags: 0x3 }],
  21: [
    {
      class: 64,
      endianness: "little",
      interpreter: "/lib64/ld64.so.2",
      musl: "powerpc64le",
      platform: "power8",
      cacheFlags: 0x503,
    },
    {
      class: 64,
      endianness: "big",
      interpreter: "/lib64/ld64.so.1",
      musl: "powerpc64",
      platform: "power4",
      cacheFlags: 0x503,
    },
  ],
  22: [{ class: 64, interpreter: "/lib/ld64.so.1", musl: "s390x", platform: "z900", cacheFlags: 0x403 }],
  40: [{ class: 32, interpreter: "/lib/ld-linux-armhf.so.3", musl: "armhf", platform: "v7l" }],
  62: [
    { class: 64, interpreter: "/lib64/ld-linux-x86-64.so.2", musl: "x86_64", platform: "x86_64", cacheFlags: 0x303 },
    { class: 32, interpreter: "/libx32/ld-linux-x32.so.2", musl: "x32", platform: "x86_64", cacheFlags: 0x803 },
  ],
  183: [
    { class: 64, interpreter: "/lib/ld-linux-aarch64.so.1", musl: "aarch64", platform: "aarch64", cacheFlags: 0xa03 },
  ],
  243: [
    {
      class: 64,
      interpreter: "/lib/ld-linux-riscv64-lp64d.so.1",
      musl: "riscv64",
      platform: "riscv64",
      cacheFlags: 0x1003,
    },
  ],
  258: [
    {
      class: 64,
      interpreter: "/lib64/ld-linux-loongarch-lp64d.so.1",
      musl: "loongarch64",
      platform: "loongarch",
      cacheFlags: 0x1103,
    },
  ],
};

function abiOf(file: ElfFile): Abi | undefined {
  return abis[file.machine]?.find(
    (each) => each.class === file.class && (each.endianness === undefined || each.endianness === file.endianness),
  );
}

/** Where the loader of a library is looked for, which names none itself: glibc's place, then musl's. */
export function usualInterpreters(file: ElfFile): readonly string[] {
  const abi = abiOf(file);
  return abi === undefined ? [] : [abi.interpreter, `/lib/ld-musl-${abi.musl}.so.1`];
}

/**
 * Reads a loader's image, which is never executed. glibc keeps its default directories as neighbouring strings that begin and end
 * with a slash, $LIB as a string of its own and the hwcaps as one list separated by colons; musl names its path file. Without an
 * image, or where it holds nothing of the kind, the answer is a glibc as it builds by itself: lib64 on 64-bit x86, else lib.
 */
export function describeLoader(file: ElfFile, interpreter: string, image: Buffer | undefined): Loader {
  const abi = abiOf(file);
  const pathFile =
    image === undefined ? undefined : /\/etc\/ld-musl-[\w.-]+\.path(?=\0)/.exec(image.toString("latin1"))?.[0];
  if (pathFile !== undefined || path.posix.basename(interpreter).startsWith("ld-musl-")) return musl(pathFile);
  const text = image?.toString("latin1") ?? "";
  const directories = systemDirectories(text) ?? fallbackDirectories(file);
  return {
    dialect: "glibc",
    directories,
    lib: dstLib(text, directories[0] ?? "/lib"),
    platform: abi?.platform,
    hwcaps: hwcapsNames(text),
    always:
      text.includes("\0dl_hwcap_important\0") && abi !== undefined ? [`tls/${abi.platform}`, "tls", abi.platform] : [],
    cacheFlags: abi?.cacheFlags,
    pathFile: undefined,
  };
}

function musl(pathFile: string | undefined): Loader {
  return {
    dialect: "musl",
    directories: ["/lib", "/usr/local/lib", "/usr/lib"],
    lib: undefined,
    platform: undefined,
    hwcaps: [],
    always: [],
    cacheFlags: undefined,
    pathFile,
  };
}

/** system_dirs of glibc's dl-load.c: the first run of at least two such strings, or one that ends in /lib or /lib64. */
function systemDirectories(text: string): readonly string[] | undefined {
  // Beginning with a character that there must be, which is many times quicker to look for than a lookbehind.
  const runs = [...text.matchAll(/\0((?:\/[!-.0-~][!-~]*\/\0)+)/g)].map(([, run = ""]) => run.split("\0").slice(0, -1));
  const run = runs.find((each) => each.some((directory) => /\/lib(?:x?32|64)?\/$/.test(directory)));
  return run?.map((directory) => directory.slice(0, -1));
}

function fallbackDirectories(file: ElfFile): readonly string[] {
  const usual = ["/lib", "/usr/lib"];
  return file.machine === 62 && file.class === 64 ? ["/lib64", "/usr/lib64", ...usual] : usual;
}

/** DL_DST_LIB: the longest end of the first default directory that the image holds as a string of its own. */
function dstLib(text: string, directory: string): string {
  const parts = directory.split("/").filter((part) => part !== "");
  const ends = parts.map((_, index) => parts.slice(index).join("/"));
  return ends.find((end) => text.includes(`\0${end}\0`)) ?? parts.at(-1) ?? "lib";
}

/** _dl_hwcaps_subdirs: `x86-64-v4:x86-64-v3:x86-64-v2`, `power10:power9`, `z16:z15:z14:z13`; empty on aarch64. */
function hwcapsNames(text: string): readonly string[] {
  const [, list] = /\0((?:x86-64-v\d|power\d+|z\d\d|la64v[\d.]+)(?::[\w.-]+)*)\0/.exec(text) ?? [];
  return list?.split(":") ?? [];
}
