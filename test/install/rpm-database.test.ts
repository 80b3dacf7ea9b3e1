import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { requirersIn } from "../../src/install/rpm-database.ts";

it.each(["rpm-4.18.0", "rpm-6.1.0"])("who asks for which package is read from what %s prints", (version) => {
  const text = readFileSync(path.join(import.meta.dirname, `../fixtures/dnf/${version}/relations.txt`), "utf8");
  expect([...requirersIn(text)]).toEqual([
    ["dhcp-server.x86_64", []],
    ["openldap.x86_64", [{ package: "dhcp-server", requirement: "liblber-2.5.so.0()(64bit)" }]],
    ["dhcp-common.noarch", [{ package: "dhcp-server", requirement: "dhcp-common" }]],
  ]);
});

it("a package can be asked for by one of its files, in each of its architectures, and does not ask for itself", () => {
  const shell = "/bin/sh\n<\nshell\n/bin/sh\n";
  const text = `>shell\ti686\n${shell}>shell\tx86_64\n${shell}>script\tnoarch\n/bin/sh\n<\nscript\n`;
  const asked = [{ package: "script", requirement: "/bin/sh" }];
  expect([...requirersIn(text)]).toEqual([
    ["shell.i686", asked],
    ["shell.x86_64", asked],
    ["script.noarch", []],
  ]);
});
