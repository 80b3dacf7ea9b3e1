import { executionConfig, imageAnnotations } from "../../src/image/config.ts";
import type { ScratchImagePlan } from "../../src/plan/plan.ts";
import { type BuildRecord, type EntryRecord, recordedPlan } from "../../src/report/record.ts";
import type { RecordedImage } from "../../src/report/sbom.ts";

const hashes = (letter: string) => ({ sha256: letter.repeat(64) });
const root = { mode: "0755", owner: "0:0" } as const;
const loader = "/usr/lib/ld-tiny.so.2";
const libc = "/usr/lib/libc.so.6";
const libextra = "/usr/lib/libextra++.so.1";

const entries: readonly EntryRecord[] = [
  { path: "/lib", kind: "symlink", ...root, mode: "0777", target: "usr/lib", reason: { kind: "link", to: loader } },
  { path: "/usr", kind: "directory", ...root, reason: { kind: "parent", of: "/usr/sbin/served" } },
  { path: "/usr/lib", kind: "directory", ...root, reason: { kind: "parent", of: libc } },
  {
    path: loader,
    kind: "file",
    ...root,
    size: 300,
    ...hashes("a"),
    package: "libc6",
    reason: { kind: "needed", soname: "ld-tiny.so.2", rule: "interpreter", by: [libc, "/usr/sbin/served"] },
  },
  {
    path: libc,
    kind: "file",
    ...root,
    size: 2000,
    ...hashes("b"),
    package: "libc6",
    reason: { kind: "needed", soname: "libc.so.6", rule: "default", by: ["/usr/sbin/served", libextra, loader] },
  },
  {
    path: libextra,
    kind: "file",
    ...root,
    size: 100,
    ...hashes("c"),
    package: "libextra++1",
    reason: { kind: "needed", soname: "libextra++.so.1", rule: "runpath", by: ["/usr/sbin/served"] },
  },
  { path: "/usr/sbin", kind: "directory", ...root, reason: { kind: "parent", of: "/usr/sbin/served" } },
  {
    path: "/usr/sbin/served",
    kind: "file",
    ...root,
    size: 3000,
    ...hashes("d"),
    xattrs: { "security.capability": "AQAAAgAgAAAAAAAAAAAAAAAAAAA=" },
    package: "served",
    reason: { kind: "asked" },
  },
  { path: "/var", kind: "directory", ...root, reason: { kind: "parent", of: "/var/lib/served/leases" } },
  { path: "/var/lib", kind: "directory", ...root, reason: { kind: "parent", of: "/var/lib/served/leases" } },
  { path: "/var/lib/served", kind: "directory", mode: "0755", owner: "177:177", reason: { kind: "recipe" } },
  {
    path: "/var/lib/served/leases",
    kind: "file",
    mode: "0640",
    owner: "177:177",
    size: 0,
    ...hashes("e"),
    reason: { kind: "recipe" },
  },
];

/** The plan of the record below. */
export const samplePlan: ScratchImagePlan = {
  kind: "scratch",
  image: "localhost/served",
  recipe: "served",
  title: "A server",
  license: "MPL-2.0",
  arch: "x86_64",
  family: "debian",
  packages: ["served"],
  plugins: [],
  include: [],
  dlopen: {},
  ignoreHints: [],
  binaries: ["served"],
  directories: [{ path: "/var/lib/served", uid: 177, gid: 177, mode: 0o755 }],
  files: [{ path: "/var/lib/served/leases", content: "", uid: 177, gid: 177, mode: 0o640 }],
  service: {
    command: ["/usr/sbin/served", "-f"],
    user: { uid: 177, gid: 177 },
    capabilities: ["NET_RAW", "NET_BIND_SERVICE"],
    ports: ["67/udp"],
    config: ["/etc/served.conf"],
    state: ["/var/lib/served"],
    runtime: [],
    init: true,
    environment: {},
  },
  checks: [],
  unproven: [],
};

/** A record with every kind of entry and reason, libraries that need each other, and names that must be encoded. */
export const sampleRecord: BuildRecord = {
  plan: recordedPlan(samplePlan),
  version: "4.4",
  created: 1_700_000_000,
  distribution: { id: "debian", version: "12" },
  packages: [
    {
      name: "libc6",
      version: "2.36-9+deb12u14",
      upstreamVersion: "2.36",
      arch: "amd64",
      source: { name: "glibc", version: "2.36-9+deb12u14" },
      sha256: "1".repeat(64),
      size: 1000,
    },
    {
      name: "libextra++1",
      version: "1:1.0~rc1-2+b1",
      upstreamVersion: "1.0~rc1",
      arch: "amd64",
      source: { name: "extra", version: "1:1.0~rc1-2" },
      sha256: "2".repeat(64),
      size: 2000,
      license: "ISC AND LicenseRef-Beer",
    },
    {
      name: "served",
      version: "4.4-1",
      upstreamVersion: "4.4",
      arch: "amd64",
      source: { name: "served", version: "4.4-1" },
      sha256: "3".repeat(64),
      size: 3000,
      license: "MPL-2.0 AND LicenseRef-Beer",
    },
  ],
  entries,
};

/** An image of a record, with the configuration that its plan asks for. */
export function imageOf(record: BuildRecord): RecordedImage {
  const plan = { ...record.plan, image: "localhost/served" };
  return {
    id: `sha256:${"0123456789abcdef".repeat(4)}`,
    record,
    config: { architecture: "amd64", config: executionConfig(plan, record.version) },
    annotations: imageAnnotations(plan, record.version),
  };
}

export const sampleImage = imageOf(sampleRecord);

/** What the files of the sample have instead of a SHA-1. */
export const sampleSha1s: ReadonlyMap<string, string> = new Map(
  entries.flatMap(({ path, sha256 }) => (sha256 === undefined ? [] : [[path, sha256.slice(0, 40)]])),
);

/** The sample with one entry changed, or taken away where `change` gives undefined. */
export function sampleWith(path: string, change: (entry: EntryRecord) => EntryRecord | undefined): BuildRecord {
  return {
    ...sampleRecord,
    entries: entries.flatMap((entry) => (entry.path === path ? (change(entry) ?? []) : [entry])),
  };
}
