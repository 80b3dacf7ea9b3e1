import type { ImagePlan } from "../plan/plan.ts";
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
    case "runtime":
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
  // Breadth first, for libraries may need each other; each entry with the one that it is a cause of.
  const reached = new Map<EntryRecord, EntryRecord | undefined>([[entry, undefined]]);
  for (const found of reached.keys()) {
    if (beginnings.includes(found.reason.kind)) {
      const chain: EntryRecord[] = [];
      for (let step: EntryRecord | undefined = found; step !== undefined; step = reached.get(step)) chain.push(step);
      return chain;
    }
    for (const path of causesOf(found)) {
      const cause = entries.get(path);
      if (cause !== undefined && !reached.has(cause)) reached.set(cause, found);
    }
  }
  return undefined;
}

/** The entries that have a chain from something that the recipe asks for. */
function explained(entries: Entries): ReadonlySet<EntryRecord> {
  const caused = new Map<string, EntryRecord[]>();
  for (const entry of entries.values()) {
    for (const path of causesOf(entry)) {
      const known = caused.get(path);
      if (known === undefined) caused.set(path, [entry]);
      else known.push(entry);
    }
  }
  const reached = new Set([...entries.values()].filter(({ reason }) => beginnings.includes(reason.kind)));
  // A set is walked through to what is added on the way.
  for (const { path } of reached) for (const entry of caused.get(path) ?? []) reached.add(entry);
  return reached;
}

/**
 * Throws where an entry has no explanation that begins at the recipe, where a reason names what is not in the image, where what the
 * recipe gives or asks for is missing, or where an entry names a package that the record does not have.
 */
export function refuseUnexplained(record: BuildRecord, plan: ImagePlan): void {
  const entries = entriesByPath(record);
  const packages = new Set(record.packages.map(({ name }) => name));
  const withChain = explained(entries);
  for (const entry of record.entries) {
    const absent = causesOf(entry).find((path) => !entries.has(path));
    if (absent !== undefined) refuse(`${entry.path} is there for ${absent}, which is not in the image`);
  }
  for (const entry of record.entries) {
    if (!withChain.has(entry)) refuse(`nothing that the recipe asks for leads to ${entry.path}`);
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
