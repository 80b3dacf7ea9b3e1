import { createHash } from "node:crypto";
import type { Package, PackageSource } from "../packages/source.ts";
import type { ScratchImagePlan } from "../plan.ts";
import type { Entry, FileEntry, Reason, Tree } from "../rootfs/tree.ts";

/** What was built and why; travels with the image as labels. */
export interface BuildRecord {
  readonly recordVersion: 1;
  /** The plan without what does not change the image's content: its name, and where the package manager ran. */
  readonly plan: Omit<ScratchImagePlan, "image" | "builder">;
  /** The service's upstream version. */
  readonly version: string;
  /** Seconds since the epoch; every time in the image. */
  readonly created: number;
  readonly packages: readonly Package[];
  readonly entries: readonly EntryRecord[];
}

export interface EntryRecord {
  readonly path: string;
  readonly kind: Entry["kind"];
  /** Octal, four digits. */
  readonly mode: string;
  /** `uid:gid`. */
  readonly owner: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
  readonly package?: string;
  readonly reason: Reason;
}

/** Everything about an image that its plan became, as data. Sizes in bytes, hashes in lower-case hex. */
export function recordOf(
  plan: ScratchImagePlan,
  tree: Tree,
  source: Pick<PackageSource, "packageOf" | "modifiedOf" | "named">,
): BuildRecord {
  const { image: _image, builder: _builder, ...content } = plan;
  const entries = tree.entries();
  const packages = new Map<string, Package>();
  for (const entry of entries) {
    const from = source.packageOf(entry.path);
    if (entry.package !== undefined && from !== undefined) packages.set(from.name, from);
  }
  const asked = entries.find((entry) => entry.reason.kind === "asked" && entry.package !== undefined);
  const service = asked === undefined ? source.named[0] : source.packageOf(asked.path);
  return {
    recordVersion: 1,
    plan: content,
    version: service?.upstreamVersion ?? "0",
    created: plan.created ?? Math.max(0, ...entries.map(({ path }) => source.modifiedOf(path))),
    packages: [...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    entries: entries.map(entryRecord),
  };
}

function entryRecord(entry: Entry): EntryRecord {
  const { path, kind, mode, uid, gid, reason } = entry;
  return {
    path,
    kind,
    mode: mode.toString(8).padStart(4, "0"),
    owner: `${uid}:${gid}`,
    ...(entry.kind === "file" ? { size: entry.size, sha256: hashOf(entry) } : {}),
    ...(entry.kind === "symlink" ? { target: entry.target } : {}),
    ...(entry.package === undefined ? {} : { package: entry.package }),
    reason,
  };
}

function hashOf({ content, size }: FileEntry): string {
  const bytes = "text" in content ? content.text : content.root.read(content.path, 0, size);
  return createHash("sha256").update(bytes).digest("hex");
}

/** The label that holds the record; a longer one goes on in `.1`, `.2`, ... */
const recordLabel = "dhcpd-build.record";
/** Below the 128 KiB that Linux allows for one argument (execve(2)). */
const labelBytes = 96 * 1024;

/** The record as labels. */
export function recordLabels(record: BuildRecord): Readonly<Record<string, string>> {
  const bytes = Buffer.from(JSON.stringify(record));
  const labels: Record<string, string> = {};
  for (let start = 0, part = 0; start < bytes.length; part++) {
    let end = Math.min(bytes.length, start + labelBytes);
    // Not in the middle of a character: continuation bytes of UTF-8 are 10xxxxxx.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
    labels[part === 0 ? recordLabel : `${recordLabel}.${part}`] = bytes.toString("utf8", start, end);
    start = end;
  }
  return labels;
}

/** The record in an image's labels; undefined for an image of somebody else. */
export function readRecord(labels: Readonly<Record<string, string>>): BuildRecord | undefined {
  let text = labels[recordLabel];
  if (text === undefined) return undefined;
  for (let part = 1; labels[`${recordLabel}.${part}`] !== undefined; part++) text += labels[`${recordLabel}.${part}`];
  return JSON.parse(text) as BuildRecord;
}
