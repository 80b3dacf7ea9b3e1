import { symbolsOf } from "../elf/symbols.ts";
import type { Closure } from "../loader/closure.ts";
import { glibcRelease } from "../loader/name-services.ts";
import type { RootView } from "../loader/root-view.ts";
import type { PackageRoot } from "../packages/source.ts";
import { importsOf } from "./check.ts";

/** What is known of a service before it runs, for hints about what it opens. */
export interface Evidence {
  /** The functions that any file of the closures imports. */
  readonly imports: ReadonlySet<string>;
  /** Those that the service's own files import: its programs, their plug-ins, and libraries from the same source package. */
  readonly own: ReadonlySet<string>;
  /** What matches in the bytes of the service's own files, each once, sorted; the pattern has the flag g. */
  texts(pattern: RegExp): readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** 36 of glibc 2.36; undefined for another C library or none. */
  readonly glibc: number | undefined;
  /** What $LIB stands for. */
  readonly lib: string;
  /** Whether the packages at hand have something at a path. */
  has(path: string): boolean;
  /** Directories of the service's own packages, where plug-ins, helpers and data usually lie. */
  readonly directories: readonly string[];
}

/** Which package a file belongs to. */
export type Owners = Pick<PackageRoot, "describe">;

/** Larger files are not searched for texts. */
const mostTextBytes = 64 * 1024 * 1024;

/** Reads the evidence that closures, their packages and the environment give. Throws ElfError. */
export function evidenceOf(
  view: RootView,
  closures: readonly Closure[],
  owners: Owners,
  environment: Readonly<Record<string, string>>,
): Evidence {
  const own = ownFiles(closures, owners);
  const libc = closures.flatMap(({ files }) => files).find(({ soname }) => soname === "libc.so.6");
  const lib = closures.find((closure) => closure.lib !== undefined)?.lib ?? "lib";
  return {
    imports: new Set(closures.flatMap((closure) => [...importsOf(view, closure)])),
    own: new Set(
      own.flatMap((path) => imageAt(view, path)).flatMap((image) => symbolsOf(image).imports.map(({ name }) => name)),
    ),
    texts: (pattern) => [...new Set(own.flatMap((path) => textsIn(view, path, pattern)))].toSorted(),
    environment,
    glibc: libc === undefined ? undefined : imageAt(view, libc.path).map(glibcRelease)[0],
    lib,
    has: (path) => view.locate(path) !== undefined,
    directories: ownDirectories(view, closures, owners, lib),
  };
}

function ownFiles(closures: readonly Closure[], owners: Owners): readonly string[] {
  const sources = new Set(closures.map(({ binary }) => owners.describe(binary).package?.source.name));
  const own = closures.flatMap(({ binary, files }) => [
    binary,
    ...files
      .filter(({ path, foundBy }) => {
        const source = owners.describe(path).package?.source.name;
        return foundBy === "plug-in" || (source !== undefined && sources.has(source));
      })
      .map(({ path }) => path),
  ]);
  return [...new Set(own)];
}

function imageAt(view: RootView, path: string) {
  const place = view.locate(path);
  const examined = place === undefined ? undefined : view.examine(place);
  return examined === undefined || "broken" in examined ? [] : [examined.image];
}

function textsIn(view: RootView, path: string, pattern: RegExp): readonly string[] {
  const place = view.locate(path);
  if (place === undefined || place.entry.size > mostTextBytes) return [];
  const text = Buffer.from(view.root.read(place.path, 0, place.entry.size)).toString("latin1");
  return [...text.matchAll(pattern)].map(([found]) => found);
}

/** Directories named like a program, its package or its source, versions left out (Filesystem Hierarchy Standard 3.0, 4.6, 4.7 and 4.11). */
function ownDirectories(view: RootView, closures: readonly Closure[], owners: Owners, lib: string): readonly string[] {
  const names = closures.flatMap(({ binary }) => {
    const from = owners.describe(binary).package;
    return [binary.slice(binary.lastIndexOf("/") + 1), from?.name ?? "", from?.source.name ?? ""];
  });
  const bare = names.flatMap((name) => [name, name.replace(/-?\d[\d.]*$/, "")]).filter((name) => name !== "");
  const parents = ["/usr/lib", `/usr/${lib}`, "/usr/libexec", "/usr/share"];
  const found = parents.flatMap((parent) => [...new Set(bare)].map((name) => `${parent}/${name}`));
  return [...new Set(found)].filter((path) => (view.directory(path)?.names.size ?? 0) > 0);
}
