import path from "node:path";
import type { OsImagePlan } from "../plan.ts";
import type { Command } from "../system/run.ts";

/**
 * Packages count on a service that begins as root and goes on as an account of theirs, whose number is chosen at installation. Here it is
 * the recipe's user from the beginning: what they have put into its state directories becomes that user's, and the directories on the way
 * to its configuration let everybody in, as those of a scratch image do. Returns the commands that do so, in their order.
 */
export function handOver({ service, directories }: OsImagePlan): readonly Command[] {
  const state = directories.filter((directory) => service.state.includes(directory.path));
  const ways = [...new Set(service.config.flatMap(parentsOf))];
  const all = [...state.map((directory) => directory.path), ...ways];
  return [
    ...(all.length > 0 ? [["mkdir", "-p", ...all] as const] : []),
    ...state.map(({ path: place, uid, gid }) => ["chown", "-hR", `${uid}:${gid}`, place] as const),
    ...(ways.length > 0 ? [["chmod", "o+rx", ...ways] as const] : []),
  ];
}

/** The directories that a path leads through, without `/`. */
function parentsOf(place: string): readonly string[] {
  const parent = path.posix.dirname(place);
  return parent === "/" ? [] : [...parentsOf(parent), parent];
}
