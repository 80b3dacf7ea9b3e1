import { fedoraRelease, type StandInPackage } from "./package.ts";

const passwd = `root:x:0:0:Super User:/root:/bin/sh
bin:x:1:1:bin:/bin:/usr/sbin/nologin
nobody:x:65534:65534:Kernel Overflow User:/:/usr/sbin/nologin
`;
const group = `root:x:0:
bin:x:1:
tty:x:5:
utmp:x:22:
nobody:x:65534:
`;
const osRelease = `NAME="Stand-in"
VERSION="44 (stand-in)"
ID=fedora
VERSION_ID=${fedoraRelease}
PRETTY_NAME="Stand-in for tests (not Fedora)"
VARIANT="stand-in (not Fedora)"
VARIANT_ID=stand-in
`;

/** As in Fedora: whoever brings a library into a system directory causes the loader's cache to be written anew. */
const ldconfigTrigger = `%transfiletriggerin -n glibc -P 2000000 -- /lib /usr/lib /lib64 /usr/lib64
/sbin/ldconfig
%transfiletriggerpostun -n glibc -P 2000000 -- /lib /usr/lib /lib64 /usr/lib64
/sbin/ldconfig
`;

/** What every system stands on. */
export const groundPackages: readonly StandInPackage[] = [
  {
    name: "glibc",
    source: "glibc",
    version: "2.36",
    release: "9.fc44",
    license: "LGPL-2.1-or-later",
    arch: "each",
    // The amd64 libraries of the i386 architecture search /lib64 and /usr/lib64, as Fedora's do.
    from: { x86_64: ["libc6-amd64"], aarch64: ["libc6"] },
    take: [/^LIB\/(?!ld-linux-x86-64)[^/]+$/, /^\/usr\/lib\/ld-linux-aarch64\.so\.1$/],
    // In Fedora the loader's own name is the file, not the link.
    moves: { "/usr/lib64/ld.so": "/usr/lib64/ld-linux-x86-64.so.2" },
    relations: ["Provides: rtld(GNU_HASH)", "Requires: filesystem", "Recommends: glibc-gconv-extra"],
    sections: ldconfigTrigger,
  },
  {
    name: "glibc",
    source: "glibc",
    version: "2.36",
    release: "9.fc44",
    license: "LGPL-2.1-or-later",
    arch: "i686",
    from: { i686: ["libc6"] },
    take: [/^LIB\/[^/]+$/, /^\/usr\/lib\/ld-linux\.so\.2$/],
    relations: ["Provides: rtld(GNU_HASH)", "Requires: filesystem"],
  },
  {
    name: "glibc-gconv-extra",
    source: "glibc",
    version: "2.36",
    release: "9.fc44",
    license: "LGPL-2.1-or-later",
    arch: "each",
    from: { x86_64: ["libc6-amd64"], aarch64: ["libc6"] },
    // Three of 250 modules: rpmbuild looks into each, and that was two fifths of its work.
    take: [/^LIB\/gconv\/(gconv-modules.*|ISO8859-1\.so|UTF-16\.so|UTF-32\.so)$/],
    relations: ["Requires: glibc%{?_isa} = %{version}-%{release}"],
  },
  {
    name: "setup",
    source: "setup",
    version: "2.15.0",
    release: "1.fc44",
    license: "LicenseRef-Fedora-Public-Domain",
    arch: "noarch",
    from: {},
    take: [],
    files: { "/etc/passwd": passwd, "/etc/group": group, "/etc/services": "bootps 67/udp\nbootpc 68/udp\n" },
    marks: { "/etc/passwd": "%config(noreplace)", "/etc/group": "%config(noreplace)" },
    relations: ["Provides: user(root)", "Provides: group(root)", "Provides: group(utmp)"],
  },
  {
    name: "filesystem",
    source: "filesystem",
    version: "3.18",
    release: "50.fc44",
    license: "LicenseRef-Fedora-Public-Domain",
    arch: "each",
    from: {},
    take: [],
    directories: [
      "/etc",
      "/run",
      "/tmp",
      "/usr/bin",
      "/usr/lib",
      "/usr/lib64",
      "/usr/libexec",
      "/usr/share",
      "/var/lib",
    ],
    links: { "/bin": "usr/bin", "/sbin": "usr/bin", "/lib": "usr/lib", "/lib64": "usr/lib64", "/usr/sbin": "bin" },
    marks: { "/tmp": "%attr(1777,root,root)" },
    relations: ["Requires: setup", "Provides: filesystem(unmerged-sbin-symlinks) = 1"],
  },
  {
    name: "standin-release",
    source: "standin-release",
    version: fedoraRelease,
    release: "1",
    license: "MIT",
    arch: "noarch",
    from: {},
    take: [],
    files: { "/usr/lib/os-release": osRelease },
    links: { "/etc/os-release": "../usr/lib/os-release" },
    relations: [
      `Provides: system-release = ${fedoraRelease}`,
      `Provides: system-release(releasever) = ${fedoraRelease}`,
      // What a base image of Debian's parts has without any rpm.
      "Provides: /bin/sh",
      "Provides: /sbin/ldconfig",
    ],
  },
];
