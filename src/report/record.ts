import { createHash } from "node:crypto";
import type { Requirer } from "../install/rpm-database.ts";
import type { DlopenDecision } from "../loader/closure.ts";
import type { Distribution, Package } from "../packages/source.ts";
import type { OsImagePlan, ScratchImagePlan } from "../plan/plan.ts";
import type { Entry, FileEntry, Reason } from "../rootfs/tree.ts";

/** What was built and why. It travels with the image, so what the image itself has, such as the hashes of its layers, is left out. */
export interface BuildRecord {
  readonly plan: RecordedPlan;
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

/** Of a plan, what is asked about after the build: how the service is run and checked, and where its files come from. */
export type RecordedPlan = Recorded<ScratchImagePlan> | Recorded<OsImagePlan>;

type Recorded<Plan> = Pick<Plan, Extract<keyof Plan, (typeof recordedKeys)[number]>>;

const recordedKeys = [
  ...(["kind", "arch", "recipe", "title", "license", "source", "service", "checks", "unproven"] as const),
  ...(["family", "packages", "metadata", "base"] as const),
] as const;

export interface PackageRecord extends Omit<Package, "size" | "licenses" | "archivePath"> {
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
  /** Extended attributes, values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly package?: string;
  readonly reason: Reason;
}

/** The plan as a record has it. */
export function recordedPlan<Plan extends ScratchImagePlan | OsImagePlan>(plan: Plan): Recorded<Plan> {
  const isRecorded = (key: string) => (recordedKeys as readonly string[]).includes(key);
  return Object.fromEntries(Object.entries(plan).filter(([key]) => isRecorded(key))) as Recorded<Plan>;
}

/** An entry of a tree as the record has it. */
export function entryRecord(entry: Entry): EntryRecord {
  const { path, kind, mode, uid, gid, xattrs, reason } = entry;
  return {
    path,
    kind,
    mode: mode.toString(8).padStart(4, "0"),
    owner: `${uid}:${gid}`,
    ...(entry.kind === "file" ? { size: entry.size, sha256: hashOf(entry) } : {}),
    ...(xattrs === undefined || xattrs.size === 0 ? {} : { xattrs: inBase64(xattrs) }),
    ...(entry.kind === "symlink" ? { target: entry.target } : {}),
    ...(entry.package === undefined ? {} : { package: entry.package.name }),
    reason,
  };
}

/** How much of a file is read at a time. */
const chunk = 1024 * 1024;

function hashOf({ content, size }: FileEntry): string {
  const hash = createHash("sha256");
  if ("bytes" in content) hash.update(content.bytes);
  else
    for (let done = 0; done < size; done += chunk)
      hash.update(content.root.read(content.path, done, Math.min(chunk, size - done)));
  return hash.digest("hex");
}

function inBase64(xattrs: ReadonlyMap<string, Uint8Array>): Readonly<Record<string, string>> {
  const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, value]) => [name, Buffer.from(value).toString("base64")]));
}
