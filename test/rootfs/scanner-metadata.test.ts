import { expect, it } from "vitest";
import type { Package } from "../../src/packages/source.ts";
import { addScannerMetadata } from "../../src/rootfs/scanner-metadata.ts";
import { type FileEntry, Tree } from "../../src/rootfs/tree.ts";

const served: Package = {
  name: "served",
  version: "1:2.0-3",
  upstreamVersion: "2.0",
  arch: "amd64",
  source: { name: "served", version: "1:2.0-3" },
  sha256: "0".repeat(64),
  size: 1,
  licenses: [],
  archivePath: "",
};
const library: Package = { ...served, name: "libserved1", source: { name: "libserved", version: "1.9-1" } };
const packages: Readonly<Record<string, Package>> = { "/usr/sbin/served": served, "/usr/lib/libserved.so.1": library };

function treeOf(...more: readonly FileEntry[]): Tree {
  const tree = new Tree();
  const common = { kind: "file", mode: 0o755, uid: 0, gid: 0, size: 0, content: { bytes: Buffer.from("") } } as const;
  for (const [path, from] of Object.entries(packages)) {
    tree.add({ ...common, path, reason: { kind: "asked" }, package: from });
  }
  for (const entry of more) tree.add(entry);
  return tree;
}

const textsOf = (tree: Tree) =>
  tree.entries().flatMap((entry) => {
    if (entry.kind !== "file" || entry.reason.kind !== "metadata" || !("bytes" in entry.content)) return [];
    return [[entry.path, Buffer.from(entry.content.bytes).toString()]];
  });

it("has a stanza for each package, and the release as Debian writes it", () => {
  const tree = treeOf();
  addScannerMetadata(tree, { id: "debian", version: "12" });
  expect(textsOf(tree)).toEqual([
    ["/etc/debian_version", "12\n"],
    ["/etc/os-release", 'ID=debian\nVERSION_ID="12"\n'],
    [
      "/var/lib/dpkg/status.d/libserved1",
      "Package: libserved1\nStatus: install ok installed\nArchitecture: amd64\nSource: libserved (1.9-1)\nVersion: 1:2.0-3\n",
    ],
    [
      "/var/lib/dpkg/status.d/served",
      "Package: served\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.0-3\n",
    ],
  ]);
});

it("leaves alone what is there already", () => {
  const bytes = Buffer.from("ID=mine\n");
  const own = { path: "/etc/os-release", kind: "file", mode: 0o644, uid: 0, gid: 0, size: bytes.length } as const;
  const tree = treeOf({ ...own, content: { bytes }, reason: { kind: "recipe" } });
  addScannerMetadata(tree, { id: "debian", version: "sid" });
  expect(textsOf(tree).map(([path]) => path)).not.toContain("/etc/os-release");
  expect(tree.get("/etc/os-release")?.reason).toEqual({ kind: "recipe" });
});

it("cannot be written where nobody says which release the packages are of", () => {
  expect(() => addScannerMetadata(treeOf(), undefined)).toThrow(
    "cannot write metadata for scanners: the package lists do not say of which release they are",
  );
});
