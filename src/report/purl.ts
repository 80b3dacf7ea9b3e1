import type { Family } from "../system/family.ts";
import type { BuildRecord, PackageRecord } from "./record.ts";

type Origin = { readonly family: Family; readonly distribution: BuildRecord["distribution"] };

/** What the packages of a record have in common. */
export function originOf({ plan, distribution }: BuildRecord): Origin {
  return { family: plan.family, distribution };
}

/**
 * The package as a package URL (https://github.com/package-url/purl-spec), with the qualifiers by which scanners find the distribution and the source
 * package: `pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12&upstream=glibc`.
 */
export function packageUrl(of: PackageRecord, origin: Origin): string {
  const { family } = origin;
  switch (family) {
    case "debian": {
      const { name, version } = of.source;
      const upstream = version === of.version ? name : `${name}@${version}`;
      return purl(origin, of.name, of.version, { arch: of.arch, upstream });
    }
    case "fedora": {
      const [epoch, version] = splitEpoch(of.version);
      const upstream = `${of.source.name}-${splitEpoch(of.source.version)[1]}.src.rpm`;
      return purl(origin, of.name, version, { arch: of.arch, epoch, upstream });
    }
  }
}

/** The source package as a package URL. */
export function sourceUrl({ source }: PackageRecord, origin: Origin): string {
  const { family } = origin;
  switch (family) {
    case "debian":
      return purl(origin, source.name, source.version, { arch: "source" });
    case "fedora": {
      const [epoch, version] = splitEpoch(source.version);
      return purl(origin, source.name, version, { arch: "src", epoch });
    }
  }
}

/** `12:4.4.3-27.fc44` as `12` and `4.4.3-27.fc44`. */
export function splitEpoch(version: string): readonly [epoch: string | undefined, rest: string] {
  const match = /^(\d+):(.*)$/.exec(version);
  return match === null ? [undefined, version] : [match[1], match[2] ?? ""];
}

const types = { debian: "deb", fedora: "rpm" } as const;

function purl(
  { family, distribution }: Origin,
  name: string,
  version: string,
  more: Readonly<Record<string, string | undefined>>,
): string {
  const distro = distribution === undefined ? undefined : `${distribution.id}-${distribution.version}`;
  const qualifiers = Object.entries({ ...more, distro })
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${encode(value)}`]))
    .sort();
  return `pkg:${types[family]}/${distribution?.id ?? family}/${encode(name)}@${encode(version)}?${qualifiers.join("&")}`;
}

/** A colon is never encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("%3A", ":");
}
