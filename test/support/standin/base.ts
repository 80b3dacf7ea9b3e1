import { cp, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { arches } from "../../../src/system/arch.ts";
import type { Run } from "../../../src/system/run.ts";
import { type Mirror, patience } from "./debian.ts";
import { writeImageLayout } from "./oci.ts";
import { fedoraRelease } from "./package.ts";
import { ownFilesOf, rpmNameOf } from "./packages.ts";

const bases = {
  dnf4: { suite: "bookworm", arch: "x86_64", packages: ["dnf", "dnf-plugins-core"] },
  // passwd has the useradd with which rpm 4.19 and later make the accounts of sysusers.d.
  dnf5: { suite: "sid", arch: "x86_64", packages: ["dnf5", "passwd"] },
  // The stand-in for aarch64 has Debian's directories, so that its libraries must be those of the base's own release.
  dnf4Aarch64: { suite: "bookworm", arch: "aarch64", packages: ["dnf", "dnf-plugins-core"] },
} as const;
export type Base = keyof typeof bases;
export const baseNames = Object.keys(bases) as readonly Base[];

const everywhere = ["rpm", "bash", "dash", "coreutils", "libc-bin", "tar", "gzip", "grep", "sed", "findutils"];

/** What Debian's parts of the base stand for; in a Fedora base these are installed. */
const installed = ["standin-release", "setup", "filesystem", "glibc"];

/** What a Fedora base does not have either. rpm's plugins want more rights than a working container gives. */
const ballast = [
  "usr/lib/rpm/macros.d",
  "usr/share/doc",
  "usr/share/man",
  "usr/share/locale",
  "usr/share/info",
  "usr/share/perl",
  "usr/share/i18n",
];

/** Where the base has the repository. */
const repositoryPlace = "srv/standin-repository";

const rpmDatabase = "/usr/lib/sysimage/rpm";

/**
 * Makes an image of Debian's dnf and rpm that installs from the stand-in repository inside it: an oci: directory of one layer.
 * Merged sbin, rpm's database and os-release are as in Fedora.
 */
export async function makeBase(
  run: Run,
  base: Base,
  from: { readonly repository: string; readonly rootfs: string },
  output: string,
): Promise<void> {
  const { rootfs } = from;
  for (const directory of ballast) await rm(path.join(rootfs, directory), { recursive: true, force: true });
  await mergeSbin(rootfs);
  await cp(from.repository, path.join(rootfs, repositoryPlace), { recursive: true });
  await configure(base, rootfs, from.repository);
  const { arch } = bases[base];
  const rpms = installed.map((item) => path.join(from.repository, arch, rpmNameOf(item, arch)));
  // --justdb: Debian has the files already, its glibc above all. Not --import: a Fedora base knows no key before the first install.
  const settings = ["--justdb", "--noscripts", "--notriggers", "--nosignature", "--ignorearch"] as const;
  await run(["rpm", "--root", rootfs, "--dbpath", rpmDatabase, "--install", ...settings, ...rpms]);
  await writeImageLayout(run, rootfs, output, { arch: arches[arch].oci, entry: ["/bin/bash"] });
}

/** Unpacks what the manager needs; maintainer scripts do not run, which saves most of the time. */
export async function unpackBase(run: Run, base: Base, mirror: Mirror, rootfs: string): Promise<void> {
  const { suite, arch, packages } = bases[base];
  await run([
    "mmdebstrap",
    "--quiet",
    `--architectures=${arches[arch].debian}`,
    "--mode=root",
    "--variant=extract",
    "--format=directory",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    ...patience.map((option) => `--aptopt=${option}`),
    `--include=${[...packages, ...everywhere].join(",")}`,
    suite,
    rootfs,
    mirror[suite],
  ]);
}

async function mergeSbin(rootfs: string): Promise<void> {
  const bin = new Set(await readdir(path.join(rootfs, "usr/bin")));
  for (const name of await readdir(path.join(rootfs, "usr/sbin"))) {
    if (!bin.has(name)) await rename(path.join(rootfs, "usr/sbin", name), path.join(rootfs, "usr/bin", name));
  }
  await rm(path.join(rootfs, "usr/sbin"), { recursive: true });
  await symlink("bin", path.join(rootfs, "usr/sbin"));
}

async function configure(base: Base, rootfs: string, repository: string): Promise<void> {
  const write = async (name: string, content: string) => {
    await mkdir(path.join(rootfs, path.dirname(name)), { recursive: true });
    await rm(path.join(rootfs, name), { force: true });
    await writeFile(path.join(rootfs, name), content);
  };
  const setup = ownFilesOf("setup");
  for (const [name, content] of Object.entries(setup)) await write(name, content);
  await write("etc/os-release", ownFilesOf("standin-release")["/usr/lib/os-release"] ?? "");
  await write("etc/shadow", "root:*:20000::::::\n");
  await write("etc/login.defs", "SYS_UID_MIN 201\nSYS_UID_MAX 999\nSYS_GID_MIN 201\nSYS_GID_MAX 999\n");
  await write("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
  // Debian's loader does not look there by itself. First where the libraries are the ones of the base's own release; newer programs
  // must keep theirs.
  const rank = bases[base].suite === "bookworm" ? "00" : "zz";
  await write(`etc/ld.so.conf.d/${rank}-standin.conf`, "/usr/lib64\n");
  // $LIB in Kea's recipes is another directory for Debian's loader, without which nothing in the base runs.
  if (bases[base].arch === "x86_64") {
    await symlink("../../lib64/kea", path.join(rootfs, "usr/lib/x86_64-linux-gnu/kea"));
  }
  // This plugin keeps a second repository, unsigned, of what was installed; Fedora's bases are without it.
  for (const place of ["etc/dnf/plugins", "etc/dnf/libdnf5-plugins"])
    await write(`${place}/local.conf`, "[main]\nenabled = 0\n");
  await write("etc/rpm/macros", `%_dbpath ${rpmDatabase}\n`);
  await write(
    "etc/yum.repos.d/standin.repo",
    repoFile(`file:///${repositoryPlace}`, "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-standin"),
  );
  await mkdir(path.join(rootfs, "etc/pki/rpm-gpg"), { recursive: true });
  await cp(path.join(repository, "RPM-GPG-KEY-standin"), path.join(rootfs, "etc/pki/rpm-gpg/RPM-GPG-KEY-standin"));
}

/**
 * The configuration of the repository for dnf, with the checks of Fedora's own: packages are checked, and metadata are not, though
 * they are signed. `location` is a URL of the directory that has one directory per
 * architecture.
 */
export function repoFile(location: string, gpgKey: string): string {
  return `[standin]
name=Stand-in ${fedoraRelease} (not Fedora) - $basearch
baseurl=${location}/$basearch
enabled=1
gpgcheck=1
repo_gpgcheck=0
gpgkey=${gpgKey}
`;
}
