import type { ImagePlan } from "../plan.ts";
import { resolvePath } from "./path.ts";
import type { BuildRecord, EntryRecord } from "./record.ts";

/** One step from what the recipe asks for to an entry: each is there because of the one before it. */
export type Chain = readonly EntryRecord[];

type Entries = ReadonlyMap<string, EntryRecord>;

/** The record's entries by path. */
export function entriesByPath(record: Pick<BuildRecord, "entries">): Entries {
  return new Map(record.entries.map((entry) => [entry.path, entry]));
}

/** What an entry is there for: the paths that its reason names. Empty where the recipe itself wants it. */
export function causesOf({ reason }: EntryRecord): readonly string[] {
  switch (reason.kind) {
    case "asked":
    case "recipe":
    case "metadata":
      return [];
    case "needed":
      return reason.by;
    case "cache":
      return reason.files;
    case "link":
      return [reason.to];
    case "parent":
      return [reason.of];
  }
}

/** What the recipe itself wants. */
const beginnings: readonly EntryRecord["reason"]["kind"][] = ["asked", "recipe", "metadata"];

/**
 * The shortest way from something that the recipe asks for to this entry, the entry itself last. undefined where reasons lead in a
 * circle or to something that is not in the image.
 */
export function chainTo(entry: EntryRecord, entries: Entries): Chain | undefined {
  // Breadth first: libraries may need each other.
  const reached = new Map<string, Chain>([[entry.path, [entry]]]);
  for (const chain of reached.values()) {
    const first = chain[0];
    if (first === undefined) continue;
    if (beginnings.includes(first.reason.kind)) return chain;
    for (const path of causesOf(first)) {
      const cause = entries.get(path);
      if (cause !== undefined && !reached.has(path)) reached.set(path, [cause, ...chain]);
    }
  }
  return undefined;
}

/**
 * Throws where an entry has no explanation that begins at the recipe, where a reason names what is not in the image, where what the
 * recipe gives or asks for is missing, or where an entry names a package that the record does not have.
 */
export function refuseUnexplained(record: BuildRecord, plan: ImagePlan): void {
  const entries = entriesByPath(record);
  const packages = new Set(record.packages.map(({ name }) => name));
  for (const entry of record.entries) {
    const absent = causesOf(entry).find((path) => !entries.has(path));
    if (absent !== undefined) refuse(`${entry.path} is there for ${absent}, which is not in the image`);
  }
  for (const entry of record.entries) {
    if (chainTo(entry, entries) === undefined) refuse(`nothing that the recipe asks for leads to ${entry.path}`);
    if (entry.package !== undefined && !packages.has(entry.package)) {
      refuse(`${entry.path} is of package ${entry.package}, which is not recorded`);
    }
  }
  const planned = [...plan.files, ...plan.directories].map((each) => resolvePath(each.path, entries).path);
  const lost = planned.find((path) => !entries.has(path));
  if (lost !== undefined) refuse(`the recipe's own ${lost} is not in the image`);
  const programs = new Set(record.entries.map((entry) => entry.path.slice(entry.path.lastIndexOf("/") + 1)));
  const binaries = plan.kind === "scratch" ? plan.binaries : [];
  const missing = binaries.find((binary) =>
    binary.startsWith("/") ? !entries.has(resolvePath(binary, entries).path) : !programs.has(binary),
  );
  if (missing !== undefined) refuse(`the recipe asks for ${missing}, which is not in the image`);
}

function refuse(why: string): never {
  throw new Error(`the image's contents and their reasons do not agree: ${why}`);
}
