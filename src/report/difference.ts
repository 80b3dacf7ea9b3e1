import { imageFields } from "./configuration.ts";
import type { BuildRecord, EntryRecord, PackageRecord } from "./record.ts";
import type { RecordedImage } from "./sbom.ts";

/** One thing that is different: added where there is no `before`, removed where there is no `after`. */
export interface Change<Thing> {
  readonly name: string;
  readonly before?: Thing;
  readonly after?: Thing;
}

export interface EntryChange extends Change<EntryRecord> {
  /** What is different about an entry that both images have. */
  readonly what: readonly ("kind" | "content" | "target" | "mode" | "owner" | "xattrs")[];
}

/** What a person should know before one image takes another one's place. */
export interface Difference {
  readonly packages: readonly Change<PackageRecord>[];
  /**
   * What was recorded of files, and is not the same: everything of scratch images, the recipe's additions to OS-based ones. Absent for one of
   * each kind, of which it would say nothing.
   */
  readonly files?: {
    readonly entries: readonly EntryChange[];
    /** Bytes of regular files; absent for OS-based images, whose files are not recorded. */
    readonly size?: { readonly before: number; readonly after: number };
  };
  /** What the images are and how they are run, by a short name, as text. */
  readonly configuration: readonly Change<string>[];
}

/** Compares two images: their configurations, and what is recorded about their packages and files. */
export function differenceOf(before: RecordedImage, after: RecordedImage): Difference {
  const [one, other] = [before.record, after.record];
  return {
    packages: changes(byName(one), byName(other), isSamePackage),
    ...(one.plan.kind === other.plan.kind ? { files: filesOf(one, other) } : {}),
    configuration: changes(imageFields(before), imageFields(after), (a, b) => a === b),
  };
}

/** Whether nothing at all is different. */
export function isSame({ packages, files, configuration }: Difference): boolean {
  return packages.length + (files?.entries.length ?? 0) + configuration.length === 0;
}

function filesOf(before: BuildRecord, after: BuildRecord): NonNullable<Difference["files"]> {
  const entries = changes(byPath(before), byPath(after), (a, b) => whatDiffers(a, b).length === 0);
  return {
    entries: entries.map((change) => ({
      ...change,
      what: change.before && change.after ? whatDiffers(change.before, change.after) : [],
    })),
    ...(before.plan.kind === "scratch" ? { size: { before: sizeOf(before), after: sizeOf(after) } } : {}),
  };
}

/** The sum of a package file and that of an installed package's header cannot be compared. */
function isSamePackage(one: PackageRecord, other: PackageRecord): boolean {
  const comparable = (one.size === undefined) === (other.size === undefined);
  return one.version === other.version && one.arch === other.arch && (!comparable || one.sha256 === other.sha256);
}

function changes<Thing>(
  before: ReadonlyMap<string, Thing>,
  after: ReadonlyMap<string, Thing>,
  isEqual: (one: Thing, other: Thing) => boolean,
): readonly Change<Thing>[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name) => {
    const [one, other] = [before.get(name), after.get(name)];
    if (one !== undefined && other !== undefined && isEqual(one, other)) return [];
    return [{ name, ...(one === undefined ? {} : { before: one }), ...(other === undefined ? {} : { after: other }) }];
  });
}

function whatDiffers(one: EntryRecord, other: EntryRecord): EntryChange["what"] {
  if (one.kind !== other.kind) return ["kind"];
  const content = one.sha256 === other.sha256 ? [] : (["content"] as const);
  const xattrs = JSON.stringify(one.xattrs ?? {}) === JSON.stringify(other.xattrs ?? {}) ? [] : (["xattrs"] as const);
  const plain = (["target", "mode", "owner"] as const).filter((key) => one[key] !== other[key]);
  return [...content, ...plain, ...xattrs];
}

/** Of a package in two architectures each is named with its own. */
function byName({ packages }: BuildRecord): ReadonlyMap<string, PackageRecord> {
  const isTwice = (name: string) => packages.filter((each) => each.name === name).length > 1;
  return new Map(packages.map((each) => [isTwice(each.name) ? `${each.name}.${each.arch}` : each.name, each]));
}

function byPath({ entries }: BuildRecord): ReadonlyMap<string, EntryRecord> {
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function sizeOf({ entries }: BuildRecord): number {
  return entries.reduce((sum, { size }) => sum + (size ?? 0), 0);
}
