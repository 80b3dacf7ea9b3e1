import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { requirersIn } from "../../src/image/relations.ts";

it.each(["rpm-4.18.0", "rpm-6.1.0"])("who asks for which package is read from what %s prints", (version) => {
  const text = readFileSync(path.join(import.meta.dirname, `../fixtures/dnf/${version}/relations.txt`), "utf8");
  expect([...requirersIn(text)]).toEqual([
    ["dhcp-server", []],
    ["openldap", [{ package: "dhcp-server", requirement: "liblber-2.5.so.0()(64bit)" }]],
    ["dhcp-common", [{ package: "dhcp-server", requirement: "dhcp-common" }]],
  ]);
});

it("a package can be asked for by one of its files, and does not ask for itself", () => {
  const text = ">shell\n/bin/sh\n<\nshell\n/bin/sh\n>script\n/bin/sh\n<\nscript\n";
  expect([...requirersIn(text)]).toEqual([
    ["shell", [{ package: "script", requirement: "/bin/sh" }]],
    ["script", []],
  ]);
});
