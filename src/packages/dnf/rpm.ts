import path from "node:path";
import { encodeFileCapabilities } from "../capability.ts";
import type { Package } from "../source.ts";

/** A package as a repository's metadata describes it. */
export interface RepositoryPackage {
  readonly name: string;
  readonly epoch: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  /** Of the package file, in bytes. */
  readonly size: number;
  /** The source package's file name. */
  readonly sourceFile: string;
  readonly repository: string;
  /** The name of its file in the repository, which is also what dnf calls the file that it downloads. */
  readonly file: string;
  readonly license: string;
  readonly provides: ReadonlySet<string>;
  /** The sonames of 64-bit libraries that it requires. */
  readonly libraries: ReadonlySet<string>;
}

/**
 * For `--qf` of dnf 4 and dnf5 alike: one package after another, `>` before it and `<` between its provides and requires. The location is
 * a path in dnf 4 and a URL in dnf5.
 */
export const queryFormat =
  ">%{name}|%{epoch}|%{version}|%{release}|%{arch}|%{downloadsize}|%{sourcerpm}|%{repoid}|%{license}\\n%{location}\\n%{provides}\\n<\\n%{requires}\\n";

/** Reads what a repoquery with `queryFormat` prints. */
export function parseRepositoryPackages(text: string): readonly RepositoryPackage[] {
  return text
    .split(/^>/m)
    .slice(1)
    .map((section) => {
      const [heading = "", location = "", ...lines] = section.split("\n");
      const [
        name = "",
        epoch = "",
        version = "",
        release = "",
        arch = "",
        size,
        sourceFile = "",
        repository = "",
        ...rest
      ] = heading.split("|");
      const end = lines.indexOf("<");
      const provides = lines.slice(0, end).filter((line) => line !== "");
      const libraries = lines.slice(end + 1).flatMap((line) => requiredLibrary.exec(line)?.[1] ?? []);
      const file = path.posix.basename(location);
      const fields = { name, epoch, version, release, arch, size: Number(size), sourceFile, repository, file };
      return { ...fields, license: rest.join("|"), provides: new Set(provides), libraries: new Set(libraries) };
    });
}

/** A package in a form that lasts longer than a repository remembers it; `restorePackage` reads it. */
export function preservedPackage(from: RepositoryPackage): string {
  return JSON.stringify({ ...from, provides: [...from.provides], libraries: [...from.libraries] });
}

export function restorePackage(text: string): RepositoryPackage {
  const { provides, libraries, file, ...rest } = JSON.parse(text) as Omit<
    RepositoryPackage,
    "file" | "provides" | "libraries"
  > & {
    readonly file?: string;
    readonly provides: readonly string[];
    readonly libraries: readonly string[];
  };
  // What an earlier version preserved has no file name; nearly every repository has this one.
  const usual = `${rest.name}-${rest.version}-${rest.release}.${rest.arch}.rpm`;
  return { ...rest, file: file ?? usual, provides: new Set(provides), libraries: new Set(libraries) };
}

/** `libldap.so.2()(64bit)`, with a version `libc.so.6(GLIBC_2.36)(64bit)`. */
const requiredLibrary = /^([^\s()]+)\([^()]*\)\(64bit\)$/;

/** Exactly one package for dnf: NAME-EPOCH:VERSION-RELEASE.ARCH. */
export function nevra({ name, epoch, version, release, arch }: RepositoryPackage): string {
  return `${name}-${epoch}:${version}-${release}.${arch}`;
}

/** The package as every family describes its own; `sha256` of its file. */
export function asPackage(from: RepositoryPackage, sha256: string): Package {
  const { name, epoch, version, release, arch, sourceFile, size, license, repository, file } = from;
  const whole = `${epoch === "0" ? "" : `${epoch}:`}${version}-${release}`;
  const source = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(sourceFile);
  const bundled = [...from.provides].filter((each) => each.startsWith("bundled(")).sort();
  return {
    name,
    version: whole,
    upstreamVersion: version,
    arch,
    source: { name: source?.[1] ?? name, version: source?.[2] ?? whole },
    ...(bundled.length === 0 ? {} : { builtIn: { Provides: bundled.join(", ") } }),
    sha256,
    size,
    licenses: license ? [license] : [],
    archivePath: `${repository}/${file}`,
  };
}

/** What a package's header says of a file and its payload does not. */
export interface HeaderDetails {
  readonly userName: string;
  readonly groupName: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** For `rpm -qp --qf`: one package after another, `>` before its name as `nevra` has it, then its files. */
export const headerFormat =
  ">%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\\n[%{FILENAMES}\\t%{FILEUSERNAME}\\t%{FILEGROUPNAME}\\t%{FILECAPS}\\n]";

/** The packages in what a query with `headerFormat` prints, in the order of the files that were asked about: what each says it is, and the rest. */
export function splitHeaders(text: string): readonly { readonly nevra: string; readonly text: string }[] {
  return text
    .split(/^>/m)
    .slice(1)
    .map((section) => ({ nevra: section.slice(0, section.indexOf("\n")), text: section }));
}

/** Reads what a query with `headerFormat` prints of one package: details by absolute path. Throws Failure for capabilities that are not known. */
export function parseHeaderDetails(text: string): ReadonlyMap<string, HeaderDetails> {
  const lines = text.split("\n").map((line) => line.split("\t"));
  return new Map(
    lines
      .filter((fields) => fields.length === 4)
      .map(([path = "", userName = "", groupName = "", capabilities = ""]) => {
        // Empty for a file without, "(none)" for every file of a package where none has any.
        const isWithout = capabilities === "" || capabilities === "(none)";
        const xattrs = new Map(isWithout ? [] : [["security.capability", encodeFileCapabilities(capabilities)]]);
        return [path, { userName, groupName, xattrs }];
      }),
  );
}

/** The Fedora release in a package's release: 44 in `27.P1.fc44`; undefined where it has none. */
export function fedoraReleaseOf({ release }: Pick<RepositoryPackage, "release">): string | undefined {
  return /\.fc(\d+)\b/.exec(release)?.[1];
}

/** How dnf names a shared library of a 64-bit package among its provides. */
export function libraryProvide(wanted: string): string {
  return `${wanted.slice(wanted.lastIndexOf("/") + 1)}()(64bit)`;
}
