/**
 * What the stand-in repository holds: Debian's programs and libraries under the names, release tags and layout of Fedora.
 * None of it is Fedora's; the summaries and the vendor say so.
 */
export interface StandInPackage {
  readonly name: string;
  readonly source: string;
  readonly epoch?: number;
  readonly version: string;
  readonly release: string;
  readonly license: string;
  /** "each" is built for x86_64 and aarch64. */
  readonly arch: "each" | "noarch" | "i686" | "x86_64";
  /** The Debian packages whose files are taken, by the architecture of the rpm. */
  readonly from: Readonly<Partial<Record<RpmArch, readonly string[]>>>;
  /** Which of their files, by the path they get; `LIB` stands for the directory of libraries. */
  readonly take: readonly RegExp[];
  /** Files with content of ours. */
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly directories?: readonly string[];
  /** Directives of a %files line, by path: `%attr(...)`, `%caps(...)`, `%config`. */
  readonly marks?: Readonly<Record<string, string>>;
  /** A file that lies under another path than the rules of `layout` give. */
  readonly moves?: Readonly<Record<string, string>>;
  /** Further lines of the preamble: Requires, Provides, Recommends, Conflicts. */
  readonly relations?: readonly string[];
  /** Sections that stand after %description, such as triggers. */
  readonly sections?: string;
}

export type RpmArch = "x86_64" | "aarch64" | "i686";

export const fedoraRelease = "44";

/** From packages of the same name on both architectures. */
export function both(...names: readonly string[]): StandInPackage["from"] {
  return { x86_64: names, aarch64: names };
}

export const libraries = [/^LIB\/[^/]+\.so(\.[\d.]+)?$/];

export function library(name: string, version: string, license: string, ...debian: readonly string[]): StandInPackage {
  return {
    name,
    source: name,
    version,
    release: "2.fc44",
    license,
    arch: "each",
    from: both(...debian),
    take: libraries,
  };
}
