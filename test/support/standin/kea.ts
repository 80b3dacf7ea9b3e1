import { both, library, type StandInPackage } from "./package.ts";

const kea = {
  source: "kea",
  version: "2.2.0",
  release: "6.fc44",
  license: "MPL-2.0 AND BSL-1.0",
  arch: "each",
} as const;

/** What Fedora's Kea gives to its user, whose number is chosen when the package is installed. */
const ownDirectories = ["/run/kea", "/var/lib/kea", "/var/log/kea"];
const leaseFiles = ["/var/lib/kea/kea-leases4.csv", "/var/lib/kea/kea-leases6.csv"];
const configurations = ["dhcp4", "dhcp6", "dhcp-ddns"].map((name) => `/etc/kea/kea-${name}.conf`);
const marked = (paths: readonly string[], mark: string) => Object.fromEntries(paths.map((path) => [path, mark]));

/** Kea in the packages that Fedora has of it, owners and modes included, and the libraries that only Kea needs. */
export const keaPackages: readonly StandInPackage[] = [
  {
    ...kea,
    name: "kea",
    from: both("kea-dhcp4-server", "kea-dhcp6-server", "kea-dhcp-ddns-server", "kea-common"),
    take: [/^\/usr\/bin\/kea-/, /^\/etc\/kea\//],
    directories: ["/etc/kea", ...ownDirectories],
    files: {
      ...marked(leaseFiles, ""),
      "/usr/lib/sysusers.d/kea.conf": 'u kea - "Kea DHCP server" /var/lib/kea -\n',
      "/usr/lib/tmpfiles.d/kea.conf": "d /run/kea 0750 kea kea -\n",
    },
    marks: {
      "/etc/kea": "%attr(0750,root,kea)",
      ...marked(configurations, "%attr(0640,root,kea) %config(noreplace)"),
      ...marked(ownDirectories, "%attr(0750,kea,kea)"),
      ...marked(leaseFiles, "%attr(0640,kea,kea) %config(noreplace)"),
    },
    relations: ["Requires: kea-libs%{?_isa} = %{version}-%{release}"],
  },
  { ...library("kea-libs", kea.version, kea.license, "kea-common"), ...kea },
  {
    ...kea,
    name: "kea-hooks",
    from: both("kea-common"),
    take: [/^LIB\/kea\/hooks\//],
    relations: ["Requires: kea-libs%{?_isa} = %{version}-%{release}"],
  },
  library("log4cplus", "2.0.8", "Apache-2.0 AND BSD-2-Clause", "liblog4cplus-2.0.5"),
  library("mariadb-connector-c", "3.3.8", "LGPL-2.1-or-later", "libmariadb3"),
  library("libpq", "15.20", "PostgreSQL", "libpq5"),
  library("zlib", "1.2.13", "Zlib", "zlib1g"),
  { ...library("openssl-libs", "3.0.22", "Apache-2.0", "libssl3"), source: "openssl", epoch: 1 },
  {
    ...library("krb5-libs", "1.20.1", "MIT", "libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libkrb5support0"),
    source: "krb5",
  },
  { ...library("libcom_err", "1.47.0", "MIT", "libcom-err2"), source: "e2fsprogs" },
  { ...library("keyutils-libs", "1.6.3", "LGPL-2.0-or-later", "libkeyutils1"), source: "keyutils" },
  { ...library("libstdc++", "12.2.0", "GPL-3.0-or-later WITH GCC-exception-3.1", "libstdc++6"), source: "gcc" },
];
