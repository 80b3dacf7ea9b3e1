import type { Package } from "../../src/packages/source.ts";

/** A package of which nothing but its name matters. */
export function packageNamed(name: string): Package {
  return {
    name,
    version: "1",
    upstreamVersion: "1",
    arch: "amd64",
    source: { name, version: "1" },
    sha256: "0".repeat(64),
    size: 1,
    licenses: [],
    archivePath: `pool/${name}.deb`,
  };
}
