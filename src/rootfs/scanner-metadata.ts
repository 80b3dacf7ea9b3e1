import type { Distribution, Package } from "../packages/source.ts";
import { Failure } from "../system/errors.ts";
import type { Tree } from "./tree.ts";

/**
 * Adds what vulnerability scanners look for in an image without a package manager, in the form that Debian's distroless images have: a stanza of
 * dpkg's status database for each package that the tree has something of, in `/var/lib/dpkg/status.d`, and the release in `/etc/os-release` and
 * `/etc/debian_version`. Of the fields of a stanza (deb-control(5), dpkg-query(1)) only those that say which package it is. Throws Failure
 * where the package lists do not say of which release they are.
 */
export function addScannerMetadata(tree: Tree, distribution: Distribution | undefined): void {
  if (distribution === undefined) {
    throw new Failure("cannot write metadata for scanners: the package lists do not say of which release they are", {
      hint: "leave scratch.metadata out of the recipe",
    });
  }
  const { id, version } = distribution;
  for (const from of tree.packages()) addFile(tree, `/var/lib/dpkg/status.d/${from.name}`, stanzaOf(from));
  const quoted = /^\d+$/.test(version) ? `"${version}"` : version;
  addFile(tree, "/etc/os-release", `ID=${id}\nVERSION_ID=${quoted}\n`);
  if (id === "debian") addFile(tree, "/etc/debian_version", `${version}\n`);
}

function stanzaOf({ name, version, arch, source }: Package): string {
  const from = source.version === version ? source.name : `${source.name} (${source.version})`;
  const fields = {
    Package: name,
    Status: "install ok installed",
    Architecture: arch,
    ...(from === name ? {} : { Source: from }),
    Version: version,
  };
  return Object.entries(fields)
    .map(([field, value]) => `${field}: ${value}\n`)
    .join("");
}

/** What the recipe or a package has put there already stays: it says the same, or more. */
function addFile(tree: Tree, path: string, content: string): void {
  if (tree.get(path) !== undefined) return;
  const bytes = Buffer.from(content);
  const reason = { kind: "metadata" } as const;
  tree.add({ path, kind: "file", size: bytes.length, content: { bytes }, uid: 0, gid: 0, mode: 0o644, reason });
}
