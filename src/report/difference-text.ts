import { visibleLines } from "../system/visible.ts";
import type { Change, Difference, EntryChange } from "./difference.ts";
import { isSame } from "./difference.ts";
import type { EntryRecord, PackageRecord } from "./record.ts";

/** The difference for a person: a paragraph each for the configuration, the packages and the files, and the bytes. */
export function differenceText(difference: Difference): string {
  if (isSame(difference)) return "no difference";
  const { configuration, packages, files } = difference;
  const paragraphs = [
    paragraph("configuration", configuration, ({ name, before, after }) => [name, arrow(before, after)]),
    paragraph("packages", packages, ({ name, before, after }) => [name, packageText(before, after)]),
    ...(files === undefined
      ? ["files: not compared, one of the images has those of a whole system"]
      : filesText(files)),
  ];
  return paragraphs.filter((text) => text !== "").join("\n\n");
}

function paragraph<Entry extends Change<unknown>>(
  title: string,
  changes: readonly Entry[],
  row: (change: Entry) => readonly [name: string, text: string],
): string {
  if (changes.length === 0) return "";
  const count = (is: (change: Entry) => boolean) => changes.filter(is).length;
  const added = count(({ before }) => before === undefined);
  const removed = count(({ after }) => after === undefined);
  const counts = [
    [added, "added"],
    [removed, "removed"],
    [changes.length - added - removed, "changed"],
  ] as const;
  const heading = counts.flatMap(([number, word]) => (number === 0 ? [] : [`${number} ${word}`])).join(", ");
  const lines = changes.map((change) => {
    const sign = change.before === undefined ? "+" : change.after === undefined ? "-" : "~";
    return `  ${sign} ${row(change).join("  ")}`;
  });
  return visibleLines([`${title}: ${heading}`, ...lines]);
}

function filesText({ entries, size }: NonNullable<Difference["files"]>): readonly string[] {
  return [
    paragraph("files", entries, (change) => [change.name, entryText(change)]),
    ...(size === undefined
      ? []
      : [`size  ${size.before} -> ${size.after} bytes (${signed(size.after - size.before)})`]),
  ];
}

function arrow(before: string | undefined, after: string | undefined): string {
  return before === undefined || after === undefined ? (before ?? after ?? "") : `${before} -> ${after}`;
}

function packageText(before: PackageRecord | undefined, after: PackageRecord | undefined): string {
  if (before === undefined || after === undefined || before.version !== after.version) {
    return arrow(before?.version, after?.version);
  }
  if (before.arch !== after.arch) return `${before.version} ${arrow(before.arch, after.arch)}`;
  return `${before.version}, and yet another file: sha256 ${arrow(shortened(before), shortened(after))}`;
}

function shortened({ sha256 }: PackageRecord): string {
  return `${sha256.slice(0, 12)}...`;
}

function entryText({ before, after, what }: EntryChange): string {
  if (before === undefined || after === undefined) return describe(before ?? after);
  return what.map((kind) => changeText(kind, before, after)).join(", ");
}

function changeText(what: EntryChange["what"][number], before: EntryRecord, after: EntryRecord): string {
  switch (what) {
    case "kind":
      return `${describe(before)} -> ${describe(after)}`;
    case "content":
      return before.size === after.size
        ? `content (${after.size ?? 0} bytes)`
        : `content (${before.size ?? 0} -> ${after.size ?? 0} bytes)`;
    case "target":
    case "mode":
    case "owner":
      return `${what} ${arrow(before[what], after[what])}`;
    case "xattrs":
      return `extended attributes ${arrow(xattrsText(before), xattrsText(after))}`;
  }
}

function describe(entry: EntryRecord | undefined): string {
  if (entry === undefined) return "";
  const { kind, target, mode, owner, size, package: from } = entry;
  const what = kind === "symlink" ? `link to ${target ?? ""}` : kind === "file" ? `file of ${size ?? 0} bytes` : kind;
  return `${what} ${mode} ${owner}${from === undefined ? "" : ` from ${from}`}`;
}

function xattrsText({ xattrs }: EntryRecord): string {
  const pairs = Object.entries(xattrs ?? {}).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? "none" : pairs.join(" ");
}

function signed(bytes: number): string {
  return bytes > 0 ? `+${bytes}` : String(bytes);
}
