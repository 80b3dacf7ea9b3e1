import { describe, expect, it } from "vitest";
import type { Closure, ClosureFile } from "../../src/loader/closure.ts";
import type { PackageRoot } from "../../src/packages/source.ts";
import type { ScratchImagePlan } from "../../src/plan/plan.ts";
import { recordOf } from "../../src/report/scratch-record.ts";
import { layOut } from "../../src/rootfs/layout.ts";
import type { RootEntry } from "../../src/system/root.ts";
import { samplePlan } from "../report/sample.ts";

const file: RootEntry = { kind: "file", size: 4, mode: 0o755 };
const directory: RootEntry = { kind: "directory", size: 0, mode: 0o755 };
const entries: Readonly<Record<string, RootEntry>> = {
  "/": directory,
  "/lib": { kind: "symlink", size: 0, mode: 0o777, target: "usr/lib" },
  "/usr": directory,
  "/usr/lib": directory,
  "/usr/lib/libc.so.6": file,
  "/usr/lib/libserve.so.1": file,
  "/usr/sbin": directory,
  "/usr/sbin/served": file,
  "/usr/sbin/relay": file,
};
const root: PackageRoot = {
  entry: (path) => entries[path],
  read: (path) => Buffer.from(path).subarray(0, 4),
  names: () => [],
  describe: () => ({ modified: 1_700_000_000 }),
  ownershipOf: () => ({ uid: 0, gid: 0, mode: 0o755, xattrs: new Map() }),
};
const source = { root, named: [], distribution: undefined };

const link = { path: "/lib", target: "usr/lib" };
function closure(binary: string, ...files: readonly Partial<ClosureFile>[]): Closure {
  const whole = files.map(
    (each) => ({ path: "", requiredBy: [binary], foundBy: "default", links: [], ...each }) as const,
  );
  return { binary, kind: "dynamic", links: [], files: whole, missing: [], dlopen: [], warnings: [] };
}

const plan = {
  ...samplePlan,
  binaries: ["served", "relay"],
};
const closures = [
  closure(
    "/usr/sbin/served",
    { path: "/usr/lib/libc.so.6", links: [link] },
    { path: "/usr/lib/libserve.so.1", requiredBy: [] },
  ),
  closure("/usr/sbin/relay", { path: "/usr/lib/libc.so.6", requiredBy: ["/usr/sbin/relay", "/usr/lib/libserve.so.1"] }),
];

describe("the tree of two programs", () => {
  const tree = layOut(plan, { closures }, source);

  it("has what they need once, with all who need it, the links on the way, and the recipe's own", () => {
    expect(tree.toText()).toBe(`\
/lib  symlink -> usr/lib 0777 0:0  why: on the way to /usr/lib/libc.so.6
/usr  directory 0755 0:0  why: holds /usr/sbin/served
/usr/lib  directory 0755 0:0  why: holds /usr/lib/libserve.so.1
/usr/lib/libc.so.6  file 0755 0:0  why: libc.so.6 of /usr/sbin/served, /usr/sbin/relay, /usr/lib/libserve.so.1 (default)
/usr/lib/libserve.so.1  file 0755 0:0  why: libserve.so.1 of /usr/sbin/served (default)
/usr/sbin  directory 0755 0:0  why: holds /usr/sbin/served
/usr/sbin/relay  file 0755 0:0  why: asked
/usr/sbin/served  file 0755 0:0  why: asked
/var  directory 0755 0:0  why: holds /var/lib/served/leases
/var/lib  directory 0755 0:0  why: holds /var/lib/served/leases
/var/lib/served  directory 0755 177:177  why: recipe
/var/lib/served/leases  file 0640 177:177  why: recipe
`);
  });

  it("is one whose every entry is explained", () => {
    expect(() => recordOf(plan, tree, source)).not.toThrow();
  });

  it("is not recorded where somebody who needs a file is not in it", () => {
    const lost = closure("/usr/sbin/served", { path: "/usr/lib/libc.so.6", requiredBy: ["/usr/lib/liblost.so"] });
    const unexplained = layOut({ ...plan, binaries: ["served"] }, { closures: [lost] }, source);
    expect(() => recordOf(plan, unexplained, source)).toThrow(
      "the image's contents and their reasons do not agree: /usr/lib/libc.so.6 is there for /usr/lib/liblost.so, which is not in the image",
    );
  });
});

it("a directory that the recipe gives is not asked for its owner in the packages", () => {
  const nobodyKnows = (path: string) => {
    if (path === "/usr/sbin") throw new Error(`nobody knows the owner of ${path}`);
    return root.ownershipOf(path);
  };
  const directories = [...plan.directories, { path: "/usr/sbin", uid: 0, gid: 177, mode: 0o750 }];
  const strange = { ...source, root: { ...root, ownershipOf: nobodyKnows } };
  expect(() => layOut(plan, { closures }, strange)).toThrow("nobody knows");
  expect(layOut({ ...plan, directories }, { closures }, strange).toText()).toContain(
    "/usr/sbin  directory 0750 0:177  why: recipe\n",
  );
});

it("an image without its service's program is refused, and the programs that it has are named", () => {
  expect(() => layOut(plan, { closures: [closure("/usr/sbin/relay")] }, source)).toThrow(
    "cannot lay out the image: the service's program /usr/sbin/served is not in it",
  );
});

describe("the old name of /run", () => {
  const withRuntime = {
    ...plan,
    service: { ...plan.service, runtime: ["/run/served"] },
    directories: [...plan.directories, { path: "/run/served", uid: 177, gid: 177, mode: 0o750 }],
  };
  const oldNames = (given: ScratchImagePlan, namesVarRun: boolean) => {
    const tree = layOut(given, { closures, namesVarRun }, source);
    expect(() => recordOf(given, tree, source)).not.toThrow();
    return tree
      .toText()
      .split("\n")
      .filter((line) => line.startsWith("/var/run"));
  };

  it("is a link where something goes by it and the recipe has runtime directories", () => {
    const link = "/var/run  symlink -> /run 0777 0:0  why: old name of the way to /run/served";
    expect(oldNames(withRuntime, true)).toEqual([link]);
    expect(oldNames(withRuntime, false)).toEqual([]);
    expect(oldNames(plan, true)).toEqual([]);
  });

  it("is not one where the recipe has something there", () => {
    const directories = [...withRuntime.directories, { path: "/var/run/served", uid: 0, gid: 0, mode: 0o755 }];
    const given = { ...withRuntime, directories };
    expect(oldNames(given, true).map((line) => line.split("  ")[0])).toEqual(["/var/run", "/var/run/served"]);
  });
});
