import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";

/** How software is installed on a host. */
export type PackageManager = "apt-get" | "dnf" | "rpm-ostree";

/** Where a program that PATH names lies; undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  const places = (process.env.PATH ?? "").split(path.delimiter).map((directory) => path.join(directory || ".", name));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Like findProgram, and also where an ordinary user's PATH does not lead though everybody may look. */
export function findSystemProgram(name: string): string | undefined {
  const places = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map((directory) => path.join(directory, name));
  return findProgram(name) ?? places.find((place) => existsSync(place));
}

/** The host's own package manager: a Debian that has dnf as well is still a Debian. */
export function hostPackageManager(): PackageManager | undefined {
  if (existsSync("/etc/debian_version") && findProgram("apt-get") !== undefined) return "apt-get";
  if (existsSync("/run/ostree-booted") && findProgram("rpm-ostree") !== undefined) return "rpm-ostree";
  return findProgram("dnf") === undefined ? undefined : "dnf";
}

/** Programs of other packages -> the package that has each, by package manager (rpm-ostree installs dnf's packages). */
export const packagesOfPrograms = {
  buildah: { "apt-get": "buildah", dnf: "buildah" },
  newuidmap: { "apt-get": "uidmap", dnf: "shadow-utils" },
  flock: { "apt-get": "util-linux", dnf: "util-linux-core" },
  "apt-get": { "apt-get": "apt", dnf: "apt" },
  "apt-config": { "apt-get": "apt", dnf: "apt" },
  "dpkg-deb": { "apt-get": "dpkg", dnf: "dpkg" },
  podman: { "apt-get": "podman", dnf: "podman" },
  catatonit: { "apt-get": "catatonit", dnf: "catatonit" },
  ip: { "apt-get": "iproute2", dnf: "iproute" },
  nsenter: { "apt-get": "util-linux", dnf: "util-linux-core" },
  runc: { "apt-get": "runc", dnf: "runc" },
  udhcpc: { "apt-get": "udhcpc", dnf: "busybox" },
} as const;

/** A sentence for a person who lacks a program. */
export function howToInstall(program: string): string {
  const known = Object.entries(packagesOfPrograms).find(([name]) => name === program)?.[1];
  const doctor = "dhcpd-build doctor lists what this host lacks";
  if (known === undefined) return doctor;
  return `it is in the package ${known[hostPackageManager() === "apt-get" ? "apt-get" : "dnf"]}; ${doctor}`;
}

/** The command that installs packages on this host, as a person types it. */
export function installCommand(manager: PackageManager, packages: readonly string[]): readonly string[] {
  const root = process.getuid?.() === 0 ? [] : ["sudo"];
  const install = manager === "apt-get" ? ["apt-get", "install", "--no-install-recommends"] : [manager, "install"];
  return [...root, ...install, ...packages];
}
