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
export function sourceUrl({ source }: Pick<PackageRecord, "source">, origin: Origin): string {
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

/** A module of Go, a crate of Rust, or whatever else a project calls itself, as a package URL. */
export function upstreamUrl(type: "golang" | "cargo" | "generic", name: string, version: string | undefined): string {
  // Names of Go modules are lower case there, and each part of their paths is one of the URL's.
  const parts = type === "golang" ? name.toLowerCase().split("/") : [name];
  return `pkg:${type}/${parts.map(encode).join("/")}${version === undefined ? "" : `@${encode(version)}`}`;
}

/** `12:4.4.3-27.fc44` as `12` and `4.4.3-27.fc44`. */
export function splitEpoch(version: string): readonly [epoch: string | undefined, rest: string] {
  const match = /^(\d+):(.*)$/.exec(version);
  return match === null ? [undefined, version] : [match[1], match[2] ?? ""];
}

const types = { debian: "deb", fedora: "rpm" } as const;

/**
 * The vendor of the packages: the ID of os-release(5). Packages of apt without a release are Debian's in all likelihood; of RPMs there
 * are too many distributions to guess.
 */
export function vendorOf({ family, distribution }: Origin): string | undefined {
  return distribution?.id ?? (family === "debian" ? family : undefined);
}

/** The vendor as a namespace, where that is another word than the ID: as in the examples of purl-spec, and as Red Hat and SUSE write their own. */
function namespaceOf(origin: Origin): string | undefined {
  const vendor = vendorOf(origin);
  if (vendor === "rhel") return "redhat";
  return vendor?.replace(/^opensuse-.*/, "opensuse").replace(/^sle[sd]\b.*/, "suse");
}

function purl(
  origin: Origin,
  name: string,
  version: string,
  more: Readonly<Record<string, string | undefined>>,
): string {
  const { family, distribution } = origin;
  const distro = distribution === undefined ? undefined : `${distribution.id}-${distribution.version}`;
  const qualifiers = Object.entries({ ...more, distro })
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${encode(value)}`]))
    .sort();
  const path = [types[family], namespaceOf(origin), name].filter((part) => part !== undefined).map(encode);
  return `pkg:${path.join("/")}@${encode(version)}?${qualifiers.join("&")}`;
}

/** A colon is never encoded, and everything else but letters, digits and `.-_~` is. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%3A", ":");
}
