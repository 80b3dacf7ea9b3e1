import { encodeFileCapabilities } from "./capability.ts";
import type { Package } from "./source.ts";

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
  readonly license: string;
  readonly provides: ReadonlySet<string>;
}

/** For `--qf` of dnf 4 and dnf5 alike: one package after another, `>` before it and `<` after its provides. */
export const queryFormat =
  ">%{name}|%{epoch}|%{version}|%{release}|%{arch}|%{downloadsize}|%{sourcerpm}|%{repoid}|%{license}\\n%{provides}\\n<\\n";

/** Reads what a repoquery with `queryFormat` prints. */
export function parseRepositoryPackages(text: string): readonly RepositoryPackage[] {
  return text
    .split(/^>/m)
    .slice(1)
    .map((section) => {
      const [heading = "", ...lines] = section.split("\n");
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
      const provides = lines.slice(0, end < 0 ? lines.length : end).filter((line) => line !== "");
      const fields = { name, epoch, version, release, arch, size: Number(size), sourceFile, repository };
      return { ...fields, license: rest.join("|"), provides: new Set(provides) };
    });
}

/** Exactly one package for dnf: NAME-EPOCH:VERSION-RELEASE.ARCH. */
export function nevra({ name, epoch, version, release, arch }: RepositoryPackage): string {
  return `${name}-${epoch}:${version}-${release}.${arch}`;
}

/** The name of the package's file, without the epoch, as rpm and every repository have it. */
export function fileName({ name, version, release, arch }: RepositoryPackage): string {
  return `${name}-${version}-${release}.${arch}.rpm`;
}

/** The package as every family describes its own; `sha256` of its file. */
export function asPackage(from: RepositoryPackage, sha256: string): Package {
  const { name, epoch, version, release, arch, sourceFile, size } = from;
  const whole = `${epoch === "0" ? "" : `${epoch}:`}${version}-${release}`;
  const source = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(sourceFile);
  return {
    name,
    version: whole,
    upstreamVersion: version,
    arch,
    source: { name: source?.[1] ?? name, version: source?.[2] ?? whole },
    sha256,
    size,
  };
}

/** What a package's header says of a file and its payload does not. */
export interface HeaderDetails {
  readonly userName: string;
  readonly groupName: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** For `rpm -qp --qf`. */
export const headerFormat = "[%{FILENAMES}\\t%{FILEUSERNAME}\\t%{FILEGROUPNAME}\\t%{FILECAPS}\\n]";

/** Reads what a query with `headerFormat` prints: details by absolute path. */
export function parseHeaderDetails(text: string): ReadonlyMap<string, HeaderDetails> {
  const lines = text.split("\n").map((line) => line.split("\t"));
  return new Map(
    lines
      .filter((fields) => fields.length === 4)
      .map(([path = "", userName = "", groupName = "", capabilities = ""]) => {
        const value = capabilities === "(none)" ? undefined : encodeFileCapabilities(capabilities);
        const xattrs = new Map(value === undefined ? [] : [["security.capability", value]]);
        return [path, { userName, groupName, xattrs }];
      }),
  );
}

/** Numbers of users and groups by name. */
export interface Accounts {
  readonly user: ReadonlyMap<string, number>;
  readonly group: ReadonlyMap<string, number>;
}

/**
 * The accounts that packages bring: rpm 4.19 and later put each line of their sysusers.d(5) files, in base64, into
 * provides as `user(NAME) = BASE64` and `group(NAME) = BASE64`. Accounts without a fixed number are left out.
 */
export function accountsOf(packages: readonly Pick<RepositoryPackage, "provides">[]): Accounts {
  const user = new Map([["root", 0]]);
  const group = new Map([["root", 0]]);
  for (const provided of packages.flatMap(({ provides }) => [...provides])) {
    const encoded = /^(?:user|group)\(\S+\) = (\S+)$/.exec(provided)?.[1];
    if (encoded === undefined) continue;
    const [type = "", name = "", id = ""] = Buffer.from(encoded, "base64")
      .toString()
      .replaceAll("\0", "")
      .trim()
      .split(/\s+/);
    const [uid, gid = uid] = id.split(":");
    if (uid === undefined || !/^\d+$/.test(uid)) continue;
    if (type.startsWith("u")) user.set(name, Number(uid));
    if (type.startsWith("u") && /^\d+$/.test(gid ?? "")) group.set(name, Number(gid));
    if (type.startsWith("g")) group.set(name, Number(uid));
  }
  return { user, group };
}

/** How dnf names a shared library of a 64-bit package among its provides. */
export function libraryProvide(wanted: string): string {
  return `${wanted.slice(wanted.lastIndexOf("/") + 1)}()(64bit)`;
}
