import { expect, test } from "vitest";
import { alternativeLinks, readAlternatives } from "../../src/packages/alternatives.ts";
import type { Root } from "../../src/system/root.ts";
import { packageNamed } from "../support/package.ts";

test("what a script of debhelper installs, with its followers", () => {
  const script = [
    "#!/bin/sh",
    "set -e",
    'if [ "$1" = "configure" ]; then',
    "\tupdate-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \\",
    "\t    --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \\",
    "\t    --follower '/usr/bin/nawk' nawk \"/usr/bin/mawk\" || true",
    "fi",
    "",
  ].join("\n");
  expect(readAlternatives(script)).toEqual([
    {
      ...{ link: "/usr/bin/awk", name: "awk", path: "/usr/bin/mawk", priority: 5 },
      followers: [
        { link: "/usr/share/man/man1/awk.1.gz", name: "awk.1.gz", path: "/usr/share/man/man1/mawk.1.gz" },
        { link: "/usr/bin/nawk", name: "nawk", path: "/usr/bin/mawk" },
      ],
    },
  ]);
});

test.each([
  [
    "the program's path and options before",
    "/usr/sbin/update-alternatives --quiet --install /bin/nc nc /bin/nc.x 50",
    ["nc /bin/nc.x 50"],
  ],
  [
    "the program's name of Fedora",
    "/usr/sbin/alternatives --install /bin/nc nc /bin/nc.x 50 2>/dev/null",
    ["nc /bin/nc.x 50"],
  ],
  ["a negative priority", "update-alternatives --install /bin/nc nc /bin/nc.x -5", ["nc /bin/nc.x -5"]],
  [
    "variables and a loop",
    "base=/opt/j; p=17\nfor i in java jar; do update-alternatives --install /bin/$i $i $base/$i $p $slave; done",
    ["java /opt/j/java 17", "jar /opt/j/jar 17"],
  ],
  ["a path that is computed", "update-alternatives --install /bin/nc nc $(which nc) 50", []],
  [
    "a priority that is computed",
    "p=$(expr 1 + 1); update-alternatives --install /bin/nc nc /bin/nc.x $p",
    ["nc /bin/nc.x undefined"],
  ],
  ["a priority that is none", "update-alternatives --install /bin/nc nc /bin/nc.x high", []],
  ["a path that leads out", "update-alternatives --install /bin/../nc nc /bin/nc.x 5", []],
  ["a name that is a path", "update-alternatives --install /bin/nc ../nc /bin/nc.x 5", []],
  ["a removal", "update-alternatives --remove nc /bin/nc.x", []],
  ["another program", "dpkg-divert --install /bin/nc nc /bin/nc.x 5", []],
])("%s", (_, script, expected) => {
  expect(readAlternatives(script).map((each) => `${each.name} ${each.path} ${each.priority}`)).toEqual(expected);
});

const offer = (name: string, priority: number, path = `/usr/bin/${name}`, followers: readonly string[] = []) => ({
  ...{ link: "/usr/bin/editor", name: "editor", path, priority, package: packageNamed(name) },
  followers: followers.map((each) => ({ link: `/usr/bin/${each}`, name: each, path: `/usr/bin/${each}.${name}` })),
});
const there = new Set(["/", "/usr", "/usr/bin", "/usr/bin/vim", "/usr/bin/nano", "/usr/bin/ed", "/usr/bin/ex.vim"]);
const root: Root = {
  entry: (place) =>
    there.has(place)
      ? { kind: ["/", "/usr", "/usr/bin"].includes(place) ? "directory" : "file", size: 0, mode: 0o755 }
      : undefined,
  read: () => new Uint8Array(),
  names: () => [],
};

test("the highest priority wins whose file is there, with those of its followers that are there", () => {
  const offers = [
    offer("nano", 40),
    offer("vim", 50, "/usr/bin/vim", ["ex", "view"]),
    offer("gone", 90),
    offer("ed", -100),
  ];
  expect(alternativeLinks(offers, root)).toMatchObject([
    {
      ...{ path: "/usr/bin/editor", target: "/etc/alternatives/editor", package: { name: "vim" } },
      alternative: {
        ...{ name: "editor", priority: 50 },
        others: [
          { package: "nano", priority: 40 },
          { package: "ed", priority: -100 },
        ],
      },
    },
    { path: "/etc/alternatives/editor", target: "/usr/bin/vim" },
    { path: "/usr/bin/ex", target: "/etc/alternatives/ex" },
    { path: "/etc/alternatives/ex", target: "/usr/bin/ex.vim" },
  ]);
});

test("a priority that is not known is below all others", () => {
  const { priority: _, ...unknown } = offer("vim", 0);
  expect(alternativeLinks([unknown], root)[0]?.alternative).toEqual({ name: "editor", others: [] });
  expect(alternativeLinks([unknown, offer("ed", -100)], root)[1]?.target).toBe("/usr/bin/ed");
});

test("of equals the first stays", () => {
  const targets = (...names: readonly string[]) =>
    alternativeLinks(
      names.map((name) => offer(name, 10)),
      root,
    ).map(({ target }) => target);
  expect(targets("vim", "nano", "ed")).toEqual(["/etc/alternatives/editor", "/usr/bin/vim"]);
  expect(targets("nano", "vim")).toEqual(["/etc/alternatives/editor", "/usr/bin/nano"]);
  expect(targets("gone")).toEqual([]);
});
