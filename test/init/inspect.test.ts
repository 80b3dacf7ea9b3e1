import { expect, it } from "vitest";
import { survey } from "../../src/init/inspect.ts";
import type { PackageRoot, PackageSource } from "../../src/packages/source.ts";
import type { RootEntry } from "../../src/system/root.ts";
import { packageNamed } from "../support/package.ts";

const elf = "\x7fELF";
const unit = (line: string, more = "") => `[Service]\nExecStart=${line}\n${more}`;

/** A source of the files of some packages, by package and path; what is in /usr can be run. */
function sourceOf(packages: Readonly<Record<string, Readonly<Record<string, string>>>>): PackageSource {
  const owners = new Map<string, string>();
  const contents = new Map<string, string>();
  const children = new Map<string, Set<string>>();
  for (const [owner, files] of Object.entries(packages)) {
    for (const [file, content] of Object.entries(files)) {
      owners.set(file, owner);
      contents.set(file, content);
      for (let here = file; here !== ""; here = here.slice(0, here.lastIndexOf("/"))) {
        const parent = here.slice(0, here.lastIndexOf("/"));
        children.set(parent, (children.get(parent) ?? new Set()).add(here.slice(parent.length + 1)));
      }
    }
  }
  const entry = (place: string): RootEntry | undefined => {
    const content = contents.get(place);
    const mode = place.startsWith("/usr/lib/systemd") ? 0o644 : 0o755;
    if (content !== undefined) return { kind: "file", size: content.length, mode };
    return children.has(place === "/" ? "" : place) ? { kind: "directory", size: 0, mode: 0o755 } : undefined;
  };
  const root: PackageRoot = {
    entry,
    read: (place, position, length) => Buffer.from(contents.get(place) ?? "").subarray(position, position + length),
    names: (place) => [...(children.get(place === "/" ? "" : place) ?? [])],
    describe(place) {
      const owner = owners.get(place);
      return owner === undefined ? { modified: 0 } : { modified: 0, package: packageNamed(owner) };
    },
    ownershipOf: () => ({ uid: 0, gid: 0, mode: 0o755, xattrs: new Map() }),
  };
  const [main = ""] = Object.keys(packages);
  return {
    family: "debian",
    distribution: undefined,
    root,
    named: [packageNamed(main)],
    provide: async () => false,
    [Symbol.dispose]() {},
  };
}

it.each([
  [
    "one that is called like the package",
    { served: { "/usr/sbin/a": elf, "/usr/sbin/served": elf } },
    "/usr/sbin/served",
  ],
  [
    "no directory that is called so",
    { served: { "/usr/libexec/served/start": elf, "/usr/sbin/a": elf } },
    "/usr/sbin/a",
  ],
  [
    "the one of another package in hand before any of its own",
    { "served-server": { "/usr/bin/served_check": elf }, "served-core": { "/usr/sbin/servedd": elf } },
    "/usr/sbin/servedd",
  ],
  [
    "the one whose name the package's begins with, wherever it lies",
    { "served-15": { "/usr/lib/served/15/bin/init": elf, "/usr/lib/served/15/bin/serve": elf } },
    "/usr/lib/served/15/bin/serve",
  ],
  [
    "the one that the package is a kind of",
    { "served-light": {}, served: { "/usr/sbin/served": elf } },
    "/usr/sbin/served",
  ],
])("the daemon is %s", async (_, packages, expected) => {
  expect((await survey(sourceOf(packages))).daemon.path).toBe(expected);
});

it.each([
  [
    "named like the package",
    { "served.service": unit("/bin/sh"), "a.service": unit("/usr/sbin/served") },
    "served.service",
  ],
  [
    "that has such a name besides",
    {
      "a.service": unit("/usr/sbin/served"),
      "named.service": unit("/usr/sbin/served", "[Install]\nAlias=served.service\n"),
    },
    "named.service",
  ],
  [
    "that starts a program rather than a script",
    { "a-helper.service": unit("/bin/sh -c x"), "b.service": unit("/usr/sbin/served") },
    "b.service",
  ],
])("the unit is the one %s", async (_, units, expected) => {
  const files = Object.fromEntries(
    Object.entries(units).map(([name, text]) => [`/usr/lib/systemd/system/${name}`, text]),
  );
  const found = await survey(sourceOf({ served: { ...files, "/usr/sbin/served": elf } }));
  expect(found.unit?.path).toBe(`/usr/lib/systemd/system/${expected}`);
});

it.each([
  ["where a release has merged its directories", true, "/usr/bin/served"],
  ["where it has not", false, "/usr/sbin/served"],
])("the daemon's path is where the package has it (%s)", async (_, isMerged, expected) => {
  const source = sourceOf({
    served: { [expected]: elf, "/usr/lib/systemd/system/served.service": unit(expected) },
  });
  const { root } = source;
  const merged: PackageRoot = {
    ...root,
    entry: (place) =>
      place === "/usr/sbin" ? { kind: "symlink", size: 0, mode: 0o777, target: "bin" } : root.entry(place),
  };
  expect((await survey({ ...source, root: isMerged ? merged : root })).daemon.path).toBe(expected);
});

it("a program for people is no service", async () => {
  await expect(survey(sourceOf({ shell: { "/usr/bin/shell": elf } }))).rejects.toMatchObject({
    message: "cannot write a recipe for shell: it has no service",
  });
});

it.each([
  ["its init script", { "/usr/bin/served": elf, "/etc/init.d/served": "#!/bin/sh" }],
  ["its place", { "/usr/lib/served/1/bin/served": elf }],
  ["its unit", { "/usr/bin/served": elf, "/usr/lib/systemd/system/served.service": unit("/usr/bin/served") }],
])("a service is known by %s", async (_, files) => {
  expect((await survey(sourceOf({ served: files }))).daemon.path).toMatch(/served$/);
});

it("a package that stands for another one is answered with that one", async () => {
  const source = sourceOf({ served: { "/usr/share/doc/served": "" }, "served-15": { "/usr/lib/served-15": elf } });
  await expect(survey(source)).rejects.toMatchObject({
    message: "cannot write a recipe for served: it has no program",
    hint: "name a package that it needs, such as: dhcpd-build init served-15",
  });
});

it("a package without a program is refused with a sentence", async () => {
  await expect(survey(sourceOf({ libserved1: { "/usr/lib/libserved.so.1": elf } }))).rejects.toThrow(
    "cannot write a recipe for libserved1: it has no program",
  );
});
