import { groundPackages } from "./ground.ts";
import { keaPackages } from "./kea.ts";
import { both, libraries, library, type RpmArch, type StandInPackage } from "./package.ts";

const dhcp = { source: "dhcp", epoch: 12, version: "4.4.3", release: "27.P1.fc44", license: "MPL-2.0" } as const;
const cyrusSasl = { source: "cyrus-sasl", version: "2.1.28", license: "BSD-Attribution-HPND-disclaimer" } as const;

export const standInPackages: readonly StandInPackage[] = [
  ...groundPackages,
  ...keaPackages,
  {
    ...dhcp,
    name: "dhcp-server",
    arch: "each",
    from: both("isc-dhcp-server-ldap", "isc-dhcp-server"),
    // The -ldap package's dhcpd is the one with 15 libraries; it is named first and so it wins.
    take: [/^\/usr\/bin\/(dhcpd|omshell)$/, /^\/usr\/share\/man\//],
    directories: ["/etc/dhcp"],
    files: {
      "/etc/dhcp/dhcpd.conf": "# See dhcpd.conf(5)\n",
      "/usr/lib/sysusers.d/dhcp-server.conf": 'u dhcpd 177 "DHCP server" / -\n',
      "/usr/lib/tmpfiles.d/dhcp-server.conf":
        "d /var/lib/dhcpd 0755 dhcpd dhcpd -\nf /var/lib/dhcpd/dhcpd.leases 0644 dhcpd dhcpd -\n",
    },
    // Fedora's dhcpd reads its configuration as root, and is the user dhcpd afterwards.
    marks: { "/etc/dhcp": "%attr(0750,root,root)", "/etc/dhcp/dhcpd.conf": "%config(noreplace)" },
    relations: ["Requires: dhcp-common = 12:%{version}-%{release}", "Recommends: iputils"],
  },
  {
    ...dhcp,
    name: "dhcp-common",
    arch: "noarch",
    from: both("isc-dhcp-server"),
    take: [/^\/usr\/share\/doc\//],
  },
  {
    ...library("openldap", "2.5.13", "OLDAP-2.8", "libldap-2.5-0"),
    // Or the solver might choose the application below.
    relations: ["Requires: cyrus-sasl-lib%{?_isa}"],
  },
  { ...library("cyrus-sasl-lib", cyrusSasl.version, cyrusSasl.license, "libsasl2-2"), ...cyrusSasl },
  {
    // A second provider of libsasl2.so.2, whose file lies where no loader looks for it; it comes first in the alphabet.
    ...library("application-with-sasl", "1.0", cyrusSasl.license, "libsasl2-2"),
    arch: "x86_64",
    moves: {
      "/usr/lib64/libsasl2.so.2": "/usr/lib64/application-with-sasl/libsasl2.so.2",
      "/usr/lib64/libsasl2.so.2.0.25": "/usr/lib64/application-with-sasl/libsasl2.so.2.0.25",
    },
  },
  { ...library("gnutls", "3.7.9", "LGPL-2.1-or-later", "libgnutls30") },
  { ...library("p11-kit", "0.24.1", "BSD-3-Clause", "libp11-kit0") },
  {
    // A second provider of libidn2.so.0 at the same path, so the two exclude each other.
    ...library("libidn2-compat", "2.2.0", "LGPL-3.0-or-later", "libidn2-0"),
    relations: ["Conflicts: libidn2"],
  },
  { ...library("libidn2", "2.3.3", "LGPL-3.0-or-later", "libidn2-0") },
  { ...library("libunistring", "1.0", "LGPL-3.0-or-later", "libunistring2") },
  { ...library("libtasn1", "4.19.0", "LGPL-2.1-or-later", "libtasn1-6") },
  { ...library("nettle", "3.8.1", "LGPL-3.0-or-later", "libnettle8", "libhogweed6") },
  { ...library("gmp", "6.2.1", "LGPL-3.0-or-later", "libgmp10"), epoch: 1 },
  { ...library("libffi", "3.4.4", "MIT", "libffi8") },
  { ...library("libcap", "2.66", "BSD-3-Clause", "libcap2") },
  { ...library("libseccomp", "2.5.4", "LGPL-2.1-only", "libseccomp2") },
  { ...library("libgcc", "12.2.0", "GPL-3.0-or-later WITH GCC-exception-3.1", "libgcc-s1"), source: "gcc" },
  {
    name: "iputils",
    source: "iputils",
    version: "20221126",
    release: "2.fc44",
    license: "BSD-3-Clause",
    arch: "each",
    from: both("iputils-ping", "iputils-arping"),
    take: [/^\/usr\/bin\/(ping|arping)$/, /^\/usr\/share\/man\//],
    marks: {
      "/usr/bin/arping": "%attr(0755,root,root) %caps(cap_net_raw=p)",
      "/usr/bin/ping": "%attr(0755,root,root) %caps(cap_net_raw=ep)",
    },
  },
  {
    name: "libutempter",
    source: "libutempter",
    version: "1.2.1",
    release: "2.fc44",
    license: "LGPL-2.1-or-later",
    arch: "each",
    from: both("libutempter0"),
    take: [...libraries, /^\/usr\/libexec\/utempter\/utempter$/],
    moves: {
      "LIB/utempter/utempter": "/usr/libexec/utempter/utempter",
    },
    marks: { "/usr/libexec/utempter/utempter": "%attr(2711,root,utmp)" },
  },
  {
    name: "chrony",
    source: "chrony",
    version: "4.3",
    release: "2.fc44",
    license: "GPL-2.0-only",
    arch: "each",
    from: both("chrony"),
    take: [/^\/usr\/bin\/chronyd$/],
    directories: ["/var/lib/chrony"],
    files: {
      "/etc/chrony.keys": "# 1 SHA256 HEX:...\n",
      // No fixed id: whoever makes this user chooses it.
      "/usr/lib/sysusers.d/chrony.conf": 'u chrony - "chrony system user" /var/lib/chrony -\n',
    },
    marks: {
      "/etc/chrony.keys": "%attr(0640,root,chrony) %config(noreplace)",
      "/var/lib/chrony": "%attr(0750,chrony,chrony)",
    },
  },
];

/** The files that a stand-in package has of ours, by path. */
export function ownFilesOf(name: string): Readonly<Record<string, string>> {
  return standInPackages.find((item) => item.name === name)?.files ?? {};
}

/** The file name of a package in the repository. */
export function rpmNameOf(name: string, arch: RpmArch): string {
  const found = standInPackages.find((item) => item.name === name && item.arch !== "i686");
  if (found === undefined) throw new Error(`no stand-in package is called ${name}`);
  return `${name}-${found.version}-${found.release}.${found.arch === "noarch" ? "noarch" : arch}.rpm`;
}
