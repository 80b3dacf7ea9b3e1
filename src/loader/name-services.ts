import { ElfError } from "../elf/errors.ts";
import type { ElfImage } from "../elf/read.ts";
import { definedVersions, importsAny } from "../elf/symbols.ts";

/** Inside libc since glibc 2.34 (its NEWS), and what databases without a line in nsswitch.conf(5) are looked up in. */
const standard = ["files", "dns"];
const firstInside = 34;

const hostLookups = ["getaddrinfo", "getnameinfo"].concat(
  ["gethostbyname", "gethostbyname2", "gethostbyaddr"].flatMap(reentrant),
);
const lookups = hostLookups.concat(
  ["getservbyname", "getservbyport", "getprotobyname", "getprotobynumber"].flatMap(reentrant),
  ["getpwnam", "getpwuid", "getpwent", "getgrnam", "getgrgid", "getgrent", "getspnam"].flatMap(reentrant),
  ["initgroups", "getgrouplist"],
);

function reentrant(name: string): readonly string[] {
  return [name, `${name}_r`];
}

/**
 * The libraries that names are looked up in, each once: those of the services in the text of an nsswitch.conf(5), and those of glibc's own
 * defaults if a file of the closure looks names up. `images` are the closure's files; a C library since 2.34 has `files` and `dns` inside.
 */
export function nssLibraries(nsswitch: string, images: readonly ElfImage[]): readonly string[] {
  const isInside = hasStandardServices(images);
  const defaults = images.some((image) => importsAny(image, hostLookups))
    ? standard
    : images.some((image) => importsAny(image, lookups))
      ? ["files"]
      : [];
  const services = [...servicesOf(nsswitch), ...defaults].filter((each) => !(isInside && standard.includes(each)));
  return [...new Set(services)].map((each) => `libnss_${each}.so.2`);
}

function servicesOf(nsswitch: string): readonly string[] {
  const lines = nsswitch.split("\n").map((line) => line.replace(/#.*/, "").replace(/\[[^\]]*\]/g, " "));
  const services = lines.flatMap((line) => /^\s*\w+:(.*)$/.exec(line)?.[1]?.trim().split(/\s+/) ?? []);
  return services.filter((each) => /^\w+$/.test(each));
}

/** The closure's own C library decides; one that is not there, or defines no version of glibc, is taken for a new one. */
function hasStandardServices(images: readonly ElfImage[]): boolean {
  const libc = images.find(({ file }) => file.soname === "libc.so.6");
  const release = libc === undefined ? undefined : glibcRelease(libc);
  return release === undefined || release >= firstInside;
}

/** 36 of 2.36: the newest of the versions that a C library defines. */
export function glibcRelease(libc: ElfImage): number | undefined {
  try {
    const releases = definedVersions(libc).flatMap(
      ({ version }) => /^GLIBC_2\.(\d+)(?:\.\d+)?$/.exec(version)?.[1] ?? [],
    );
    return releases.length === 0 ? undefined : Math.max(...releases.map(Number));
  } catch (error) {
    // What is wrong with it is a finding of the check.
    if (error instanceof ElfError) return undefined;
    throw error;
  }
}
