import { describe, expect, it } from "vitest";
import {
  builtInOf,
  conventionalNames,
  namesOf,
  parseCandidates,
  parseDependencies,
  parseStanzas,
  rankCandidates,
  sourceOf,
  upstreamVersion,
} from "../../../src/packages/apt/control.ts";

const shown = `Package: isc-dhcp-server
Source: isc-dhcp
Version: 4.4.3-P1-2
Architecture: amd64
Depends: debconf (>= 0.5) | debconf-2.0, libc6 (>= 2.36), debianutils (>= 2.8.2), lsb-base
Pre-Depends: dpkg:any (>= 1.15.6)
Tag: interface::daemon, network::configuration,
 protocol::dhcp
Size: 1478908
SHA256: f9ac073c2352354eac211bf2808ff162e3d9505685cd3497ea09aa258fe5d0b2

Package: libssl3t64
Provides: libssl3 (= 3.2.2-1)
Section: libs
Version: 3.2.2-1
`;

describe("what apt-cache show prints", () => {
  const [server, ssl] = parseStanzas(shown);

  it("is read paragraph by paragraph, continuation lines joined", () => {
    expect(parseStanzas(shown)).toHaveLength(2);
    expect(server?.tag).toBe("interface::daemon, network::configuration,\nprotocol::dhcp");
    expect(parseStanzas("")).toEqual([]);
  });

  it("has needs with alternatives, pre-dependencies first, versions and qualifiers left out", () => {
    expect(parseDependencies(server ?? {})).toEqual([
      ["dpkg"],
      ["debconf", "debconf-2.0"],
      ["libc6"],
      ["debianutils"],
      ["lsb-base"],
    ]);
    expect(parseDependencies({})).toEqual([]);
  });

  it.each([
    ["", undefined],
    [
      "Built-Using: gcc-12 (= 12.2.0-14), glibc (= 2.36-9)\n",
      { "Built-Using": "gcc-12 (= 12.2.0-14), glibc (= 2.36-9)" },
    ],
    [
      "Built-Using: gcc-12 (= 12.2.0-14)\nStatic-Built-Using: rust-libc (= 0.2.139-1)\n",
      { "Built-Using": "gcc-12 (= 12.2.0-14)", "Static-Built-Using": "rust-libc (= 0.2.139-1)" },
    ],
  ])("has what it declares to be built in: %j", (fields, declared) => {
    const [stanza] = parseStanzas(`Package: served\n${fields}Version: 1\n`);
    expect(builtInOf(stanza ?? {})).toEqual(declared);
  });

  it("has the names that others may mean it by", () => {
    expect(namesOf(ssl ?? {})).toEqual(["libssl3t64", "libssl3"]);
  });

  it("names a source package only where it differs", () => {
    expect(sourceOf(server ?? {})).toEqual({ name: "isc-dhcp", version: "4.4.3-P1-2" });
    expect(sourceOf({ package: "a", version: "2" })).toEqual({ name: "a", version: "2" });
    expect(sourceOf({ package: "a", version: "2+b1", source: "b (2)" })).toEqual({ name: "b", version: "2" });
  });
});

it("what apt-cache policy prints has a candidate for real packages only", () => {
  const policy = `libc6:
  Installed: 2.36-9
  Candidate: 2.36-9+deb12u14
  Version table:
     2.36-9+deb12u14 500
        500 mirror bookworm/main amd64 Packages
debconf-2.0:
  Installed: (none)
  Candidate: (none)
  Version table:
`;
  expect([...parseCandidates(policy)]).toEqual([["libc6", "2.36-9+deb12u14"]]);
});

describe("the upstream version", () => {
  it.each([
    ["4.4.3-P1-2", "4.4.3-P1", "the revision is what follows the last hyphen"],
    ["1:9.18.28-1~deb12u2", "9.18.28", "an epoch is Debian's own"],
    ["2.2.0+dfsg", "2.2.0+dfsg", "a native package has no revision"],
  ])("of %s is %s: %s", (version, upstream) => expect(upstreamVersion(version)).toBe(upstream));
});

describe("the conventional package of a library", () => {
  it.each([
    ["libz.so.1", "libz1", "name and major version"],
    ["libldap-2.5.so.0", "libldap-2.5-0", "a hyphen where the name ends in a digit"],
    ["libgcc_s.so.1", "libgcc-s1", "underscores become hyphens"],
    ["libstdc++.so.6", "libstdc++6", "plus signs stay"],
    ["liblog4cplus-2.0.so.3", "liblog4cplus-2.0-3", "a release in the name"],
    ["libssl.so.3", "libssl3t64", "the 64-bit time transition renamed packages"],
    ["libcrypto.so.3", "libssl3", "it lives in the package of OpenSSL's other library"],
    ["libm.so.6", "libc6", "the C library's own parts"],
    ["/lib64/ld-linux-x86-64.so.2", "libc6", "the loader"],
    ["/lib/ld-linux-aarch64.so.1", "libc6", "the loader of aarch64"],
  ])("%s is %s: %s", (soname, name) => expect(conventionalNames(soname)).toContain(name));

  it("is unknown for what is no library", () => expect(conventionalNames("/usr/bin/env")).toEqual([]));
});

it("candidates are tried by convention, then like names, then own source, then libraries, then the rest", () => {
  const stanza = (name: string, section: string, source = name) => ({ package: name, section, source });
  const requester = stanza("kea-dhcp4-server", "net", "isc-kea");
  const candidates = [
    stanza("adduser", "admin"),
    stanza("libssh-4", "libs"),
    stanza("kea-common", "net", "isc-kea"),
    stanza("libpam0g", "libs"),
    stanza("libpam0", "libs"),
  ];
  const ranked = rankCandidates("libpam.so.0", requester, candidates).map((each) => each.package);
  expect(ranked).toEqual(["libpam0", "libpam0g", "kea-common", "libssh-4", "adduser"]);
});
