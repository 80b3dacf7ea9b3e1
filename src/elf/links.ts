import type { Link } from "../system/root.ts";

/** Links without repetition, in the order they were met. */
export function unionOfLinks(first: readonly Link[], second: readonly Link[]): readonly Link[] {
  if (second.length === 0) return first;
  const known = new Set(first.map((link) => link.path));
  const added = second.filter((link) => !known.has(link.path));
  return added.length === 0 ? first : [...first, ...added];
}
