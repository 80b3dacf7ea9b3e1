import { createHash } from "node:crypto";
import type { DlopenDecision } from "../elf/closure.ts";
import type { Requirer } from "../image/relations.ts";
import type { Distribution, Package, PackageSource } from "../packages/source.ts";
import type { OsImagePlan, ScratchImagePlan } from "../plan.ts";
import type { Entry, FileEntry, Reason, Tree } from "../rootfs/tree.ts";
import { locate } from "../system/root.ts";
import { refuseUnexplained } from "./explanation.ts";
import { licenseExpression } from "./license.ts";

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
  /** Extended attributes, values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly package?: string;
  readonly reason: Reason;
}

type Origin = Pick<PackageSource, "root" | "packageOf" | "modifiedOf" | "named" | "licensesOf" | "distribution">;

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
  const entries = tree.entries();
  const packages = new Map<string, Package>();
  for (const entry of entries) {
    const from = source.packageOf(entry.path);
    if (entry.package !== undefined && from !== undefined) packages.set(from.name, from);
  }
  const record: BuildRecord = {
    plan: recordedPlan(plan),
    version: servicePackage(plan, source)?.upstreamVersion ?? "0",
    created: plan.created ?? Math.max(0, ...entries.map(({ path }) => source.modifiedOf(path))),
    ...(source.distribution === undefined ? {} : { distribution: source.distribution }),
    packages: [...packages.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((each) => packageRecord(each, licenseExpression(source.licensesOf(each)))),
    ...(dlopen.length === 0 ? {} : { dlopen: distinct(dlopen) }),
    entries: entries.map(entryRecord),
  };
  refuseUnexplained(record, plan);
  return record;
}

/** The plan as a record has it. */
export function recordedPlan<Plan extends ScratchImagePlan | OsImagePlan>(plan: Plan): Recorded<Plan> {
  const isRecorded = (key: string) => (recordedKeys as readonly string[]).includes(key);
  return Object.fromEntries(Object.entries(plan).filter(([key]) => isRecorded(key))) as Recorded<Plan>;
}

/** The package that has the service's program; of a program that the recipe itself gives, the first that the recipe names. */
function servicePackage({ service }: ScratchImagePlan, source: Origin): Package | undefined {
  const program = locate(source.root, service.command[0] ?? "/");
  return (program && source.packageOf(program.path)) ?? source.named[0];
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
    ...(entry.kind === "file" ? { size: entry.size, sha256: hashOf(entry) } : {}),
    ...(xattrs === undefined || xattrs.size === 0 ? {} : { xattrs: inBase64(xattrs) }),
    ...(entry.kind === "symlink" ? { target: entry.target } : {}),
    ...(entry.package === undefined ? {} : { package: entry.package }),
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
