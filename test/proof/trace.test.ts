import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseSearch } from "../../src/packages/installed-files.ts";
import { lookupsOf, openedOf, parseTrace, readLookups } from "../../src/proof/trace.ts";

const captured = path.join(import.meta.dirname, "../fixtures/proof/strace-6.1");

describe("what strace 6.1 wrote of a server that was started by an init", () => {
  it("tells what it looked for: not what the runtime did before, not the loader's way to a library", async () => {
    const { found, missing } = await readLookups(captured, ["/run/podman-init"]);
    expect(found).toContain("/lib/x86_64-linux-gnu/libc.so.6");
    expect(found).toContain("/etc/dhcp/dhcpd.conf");
    expect(missing).toEqual([
      "/etc/ld.so.cache",
      "/etc/ld.so.preload",
      "/etc/localtime",
      "/etc/nsswitch.conf",
      "/etc/services",
      "/usr/share/locale/C/LC_MESSAGES/libdns.cat",
      "/usr/share/locale/C/LC_MESSAGES/libdst.cat",
      "/usr/share/locale/C/LC_MESSAGES/libisc.cat",
      "/usr/share/locale/C/libdns.cat",
      "/usr/share/locale/C/libdst.cat",
      "/usr/share/locale/C/libisc.cat",
    ]);
  });

  it("is nothing where the program was never executed", async () => {
    expect(await readLookups(captured, ["/usr/sbin/other"])).toEqual({ found: [], missing: [] });
  });
});

it("a process counts from the moment it is the program, and its children are known by their number on the host", () => {
  const text = [
    'openat(AT_FDCWD, "/before", O_RDONLY) = -1 ENOENT (No such file or directory)',
    'execve("/served", ["/served"], 0xc0000 /* 3 vars */) = 0',
    'access("/etc/a", R_OK) = -1 EACCES (Permission denied)',
    'openat(AT_FDCWD, "etc/b", O_RDONLY) = -1 ENOENT (No such file or directory)',
    'mkdir("/run/made", 0755) = -1 ENOENT (No such file or directory)',
    "clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 7 /* 4711 in strace's PID NS */",
  ].join("\n");
  expect(parseTrace(text, ["/served"])).toEqual({ found: ["/served"], missing: ["/etc/b"], children: [4711] });
});

it("what was found in the end, in another directory or later, is not missing", () => {
  const search = {
    found: ["/usr/lib/libx.so"],
    missing: ["/lib/hw", "/lib/hw/libx.so", "/lib/hw/liby.so"],
    children: [],
  };
  const later = { found: ["/run/pid"], missing: ["/run/pid", "/proc/1/oom"], children: [] };
  expect(lookupsOf([search, later]).missing).toEqual(["/lib/hw/liby.so"]);
});

it("what is opened through links opens the links, too", () => {
  const opened = openedOf(path.join(captured, ".."), ["/strace-6.1/../proc-net-udp.txt", "/none"]);
  expect([...opened]).toEqual(["/proc-net-udp.txt"]);
});

it("dpkg-query names the packages that have files; diversions are not packages", () => {
  const printed =
    "netbase: /etc/services\nlibc6:amd64, libc6:i386: /etc/ld.so.conf.d\ndiversion by dash from: /bin/sh\n";
  expect(parseSearch(printed)).toEqual(
    new Map([
      ["/etc/services", "netbase"],
      ["/etc/ld.so.conf.d", "libc6"],
    ]),
  );
});
