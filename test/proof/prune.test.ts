import { expect, it } from "vitest";
import { nameOf, withoutEntries } from "../../src/proof/prune.ts";
import type { BuildRecord } from "../../src/report/record.ts";

it.each([
  ["localhost/dhcpd:latest-x86_64", "localhost/dhcpd"],
  ["registry.example:5000/dhcpd", "registry.example:5000/dhcpd"],
  ["registry.example:5000/dhcpd:1@sha256:00", "registry.example:5000/dhcpd"],
  ["sha256:0123456789ab", "localhost/served"],
  ["0123456789ab", "localhost/served"],
])("a pruned %s is named after %s", (image, name) => {
  expect(nameOf(image, "served")).toBe(name);
});

it("a directory that was there for something pruned is explained by what it still holds", () => {
  const entry = (path: string, of: string) => ({ path, reason: { kind: "parent", of } });
  const record = {
    entries: [
      entry("/usr", "/usr/doc/readme"),
      entry("/usr/doc", "/usr/doc/readme"),
      { path: "/usr/program", reason: { kind: "asked" } },
    ],
  } as unknown as BuildRecord;
  expect(withoutEntries(record, ["/usr/doc"]).entries).toEqual([
    entry("/usr", "/usr/program"),
    { path: "/usr/program", reason: { kind: "asked" } },
  ]);
});
