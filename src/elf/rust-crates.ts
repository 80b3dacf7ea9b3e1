import { inflateSync } from "node:zlib";
import type { Bytes } from "./bytes.ts";
import type { Section } from "./header.ts";

/** A crate that was linked into a Rust program. */
export interface RustCrate {
  readonly name: string;
  readonly version: string;
  /** `crates.io`, `git`, `local`, `registry` or another word. */
  readonly source: string;
}

/** In bytes; the largest programs have some kilobytes, and some ten when inflated. */
const mostCompressed = 1024 * 1024;
const mostInflated = 16 * 1024 * 1024;
const mostCrates = 20_000;

/**
 * The crates that `cargo auditable` wrote into a program, in its section `.dep-v0` (cargo-auditable, PARSING.md): JSON that zlib compressed. Those that only
 * built it are left out. undefined where it is not what it should be. Throws ElfError for a section that lies outside the file.
 */
export function readRustCrates(section: Section, bytes: Bytes): readonly RustCrate[] | undefined {
  if (section.size > mostCompressed) return undefined;
  const packages = parsePackages(bytes.raw(section.offset, section.size, "the list of crates"));
  if (!Array.isArray(packages) || packages.length > mostCrates) return undefined;
  return packages.flatMap((each) => asCrate(each) ?? []);
}

function parsePackages(compressed: Buffer): unknown {
  try {
    const text = inflateSync(compressed, { maxOutputLength: mostInflated }).toString("utf8");
    return (JSON.parse(text) as { readonly packages?: unknown } | null)?.packages;
  } catch {
    // Neither zlib nor JSON, or without an end: no list at all.
    return undefined;
  }
}

function asCrate(value: unknown): RustCrate | undefined {
  const { name, version, source, kind = "runtime" } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || typeof version !== "string" || kind !== "runtime") return undefined;
  return { name, version, source: typeof source === "string" ? source : "unknown" };
}
