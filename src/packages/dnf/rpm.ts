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

/**
 * For `rpm -qp --qf`: one package after another, `>` before its name as `nevra` has it, then its %post scriptlet in single quotes as for
 * sh(1), which is `(none)` without quotes if it has none, then its files.
 */
export const headerFormat =
  ">%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\\n%{POSTIN:shescape}\\n[%{FILENAMES}\\t%{FILEUSERNAME}\\t%{FILEGROUPNAME}\\t%{FILECAPS}\\n]";

/** What a query with `headerFormat` prints of one package. */
export interface PrintedHeader {
  readonly nevra: string;
  /** The text of its %post scriptlet; empty if it has none. */
  readonly scriptlet: string;
  /** For parseHeaderDetails. */
  readonly files: string;
  /** All of it, as it was printed. */
  readonly text: string;
}

/** The packages in what a query with `headerFormat` prints, in the order of the files that were asked about. */
export function splitHeaders(printed: string): readonly PrintedHeader[] {
  const headers: PrintedHeader[] = [];
  for (let start = 0; printed[start] === ">"; ) {
    const nameEnd = endOfLine(printed, start);
    // A scriptlet may have lines that look like the next package.
    const quoteEnd = printed[nameEnd + 1] === "'" ? closingQuote(printed, nameEnd + 2) : undefined;
    const scriptlet = quoteEnd === undefined ? "" : printed.slice(nameEnd + 2, quoteEnd).replaceAll(quotedQuote, "'");
    const filesStart = endOfLine(printed, quoteEnd ?? nameEnd + 1);
    const next = printed.indexOf("\n>", filesStart);
    const end = next < 0 ? printed.length : next + 1;
    const name = printed.slice(start + 1, nameEnd);
    headers.push({ nevra: name, scriptlet, files: printed.slice(filesStart, end), text: printed.slice(start, end) });
    start = end;
  }
  return headers;
}

/** A quote inside single quotes, as rpm's `shescape` writes it. */
const quotedQuote = "'\\''";

function closingQuote(text: string, from: number): number {
  let at = text.indexOf("'", from);
  while (at >= 0 && text.startsWith(quotedQuote, at)) at = text.indexOf("'", at + quotedQuote.length);
  return at < 0 ? text.length : at;
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf("\n", from);
  return at < 0 ? text.length : at;
}

/** Reads the lines of a package's files: details by absolute path. Throws Failure for capabilities that are not known. */
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
