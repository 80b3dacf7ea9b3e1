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

/** The command that installs packages on this host, as a person types it. */
export function installCommand(manager: PackageManager, packages: readonly string[]): readonly string[] {
  const root = process.getuid?.() === 0 ? [] : ["sudo"];
  const install = manager === "apt-get" ? ["apt-get", "install", "--no-install-recommends"] : [manager, "install"];
  return [...root, ...install, ...packages];
}
