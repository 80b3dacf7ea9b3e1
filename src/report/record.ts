import { createHash } from "node:crypto";
import type { DlopenDecision } from "../elf/closure.ts";
import type { Requirer } from "../image/relations.ts";
import type { Distribution, Package, PackageSource } from "../packages/source.ts";
import type { OsImagePlan, ScratchImagePlan } from "../plan.ts";
import type { Entry, FileEntry, Reason, Tree } from "../rootfs/tree.ts";
import { Failure } from "../system/errors.ts";
import { refuseUnexplained } from "./explanation.ts";
import { licenseExpression } from "./license.ts";

/** What was built and why; travels with the image as labels. */
export interface BuildRecord {
  readonly recordVersion: 2;
  /** The plan without what does not change the image's content: its name, where the package manager ran, and the lock. */
  readonly plan: Omit<ScratchImagePlan, "image" | "builder" | "lock"> | Omit<OsImagePlan, "image" | "lock">;
  /** The service's upstream version. */
  readonly version: string;
  /** Seconds since the epoch; every time in the image. */
  readonly created: number;
  /** The release that the packages belong to. */
  readonly distribution?: Distribution;
  /** The packages that the image has something of, sorted by name. */
  readonly packages: readonly PackageRecord[];
  /** What its files may open by themselves while they run, and whether that came along; absent where they ask for nothing. */
  readonly dlopen?: readonly DlopenDecision[];
  /** Everything in the image, sorted by path; of an OS-based image what was added to base and packages. */
  readonly entries: readonly EntryRecord[];
}

export interface PackageRecord extends Omit<Package, "size"> {
  /** Of the package file, in bytes; absent where it was installed and is gone, and `sha256` is its header's. */
  readonly size?: number;
  /** What the whole package declares, as an SPDX licence expression; absent where no machine can read it. */
  readonly license?: string;
  /** Of an OS-based image: the others that ask for it. Absent where it is the base's own. */
  readonly requiredBy?: readonly Requirer[];
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
  /** SPDX 2.3 wants this one of every file, too. */
  readonly sha1?: string;
  /** Extended attributes, values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly package?: string;
  readonly reason: Reason;
}

type Origin = Pick<PackageSource, "packageOf" | "modifiedOf" | "named" | "licensesOf" | "distribution">;

/**
 * Everything about an image that its plan became, as data. Sizes in bytes, hashes in lower-case hex. Throws where something in the image
 * has no explanation, or an explanation names something that is not there: then the builder is wrong, and nothing may be built.
 */
export function recordOf(
  plan: ScratchImagePlan,
  tree: Tree,
  source: Origin,
  dlopen: readonly DlopenDecision[] = [],
): BuildRecord {
  const { image: _image, builder: _builder, lock: _lock, ...content } = plan;
  const entries = tree.entries();
  const packages = new Map<string, Package>();
  for (const entry of entries) {
    const from = source.packageOf(entry.path);
    if (entry.package !== undefined && from !== undefined) packages.set(from.name, from);
  }
  const asked = entries.find((entry) => entry.reason.kind === "asked" && entry.package !== undefined);
  const service = asked === undefined ? source.named[0] : source.packageOf(asked.path);
  const record: BuildRecord = {
    recordVersion: 2,
    plan: content,
    version: service?.upstreamVersion ?? "0",
    created: plan.created ?? Math.max(0, ...entries.map(({ path }) => source.modifiedOf(path))),
    ...(source.distribution === undefined ? {} : { distribution: source.distribution }),
    packages: [...packages.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((each) => packageRecord(each, licenseExpression(source.licensesOf(each)))),
    ...(dlopen.length === 0 ? {} : { dlopen: distinct(dlopen) }),
    entries: entries.map(entryRecord),
  };
  refuseUnexplained(record);
  return record;
}

/** Two programs may have the same library, which decides the same. */
function distinct(decisions: readonly DlopenDecision[]): readonly DlopenDecision[] {
  return [...new Map(decisions.map((each) => [JSON.stringify(each), each])).values()];
}

function packageRecord(from: Package, license: string | undefined): PackageRecord {
  return license === undefined ? from : { ...from, license };
}

/** An entry of a tree as the record has it. */
export function entryRecord(entry: Entry): EntryRecord {
  const { path, kind, mode, uid, gid, xattrs, reason } = entry;
  return {
    path,
    kind,
    mode: mode.toString(8).padStart(4, "0"),
    owner: `${uid}:${gid}`,
    ...(entry.kind === "file" ? { size: entry.size, ...hashesOf(entry) } : {}),
    ...(xattrs === undefined || xattrs.size === 0 ? {} : { xattrs: inBase64(xattrs) }),
    ...(entry.kind === "symlink" ? { target: entry.target } : {}),
    ...(entry.package === undefined ? {} : { package: entry.package }),
    reason,
  };
}

/** How much of a file is read at a time. */
const chunk = 1024 * 1024;

function hashesOf({ content, size }: FileEntry): { readonly sha256: string; readonly sha1: string } {
  const hashes = [createHash("sha256"), createHash("sha1")] as const;
  const take = (bytes: string | Uint8Array) => void hashes.forEach((hash) => void hash.update(bytes));
  if ("bytes" in content) take(content.bytes);
  else
    for (let done = 0; done < size; done += chunk)
      take(content.root.read(content.path, done, Math.min(chunk, size - done)));
  return { sha256: hashes[0].digest("hex"), sha1: hashes[1].digest("hex") };
}

function inBase64(xattrs: ReadonlyMap<string, Uint8Array>): Readonly<Record<string, string>> {
  const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, value]) => [name, Buffer.from(value).toString("base64")]));
}

/** The label that holds the record; a longer one goes on in `.1`, `.2`, ... */
const recordLabel = "dhcpd-build.record";
/** containerd starts no container from an image with a label that is longer than 4096 bytes, its name included (labels.Validate). */
const labelBytes = 4096 - `${recordLabel}.99999`.length;

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

/** The record in an image's labels; undefined for an image of somebody else. Throws Failure for a record that cannot be read. */
export function readRecord(labels: Readonly<Record<string, string>>): BuildRecord | undefined {
  let text = labels[recordLabel];
  if (text === undefined) return undefined;
  for (let part = 1; labels[`${recordLabel}.${part}`] !== undefined; part++) text += labels[`${recordLabel}.${part}`];
  const record = parseJson(text);
  if (isRecord(record)) return { ...record, plan: withPresentNames(record.plan) };
  throw new Failure("cannot read the image's record: it is damaged, or of another version of dhcpd-build");
}

/** Labels can be changed by whoever handles an image; what we wrote ourselves needs no closer look. */
function isRecord(value: unknown): value is BuildRecord {
  const parts = value as Partial<BuildRecord> | null | undefined;
  return (
    parts?.recordVersion === 2 &&
    typeof parts.plan === "object" &&
    Array.isArray(parts.entries) &&
    Array.isArray(parts.packages)
  );
}

/** Until version 0.1.0 the plan's `ignoreHints` and `unproven` were `considered` and `accept`. */
function withPresentNames(plan: BuildRecord["plan"]): BuildRecord["plan"] {
  const { considered, accept, ...rest } = plan as BuildRecord["plan"] & { considered?: []; accept?: [] };
  return {
    ...rest,
    ...(considered === undefined ? {} : { ignoreHints: considered }),
    ...(accept === undefined ? {} : { unproven: accept }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // As good as a record of no known version.
    return undefined;
  }
}
