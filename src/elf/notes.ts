import type { Bytes, Encoding } from "./bytes.ts";

export const priorities = ["required", "recommended", "suggested"] as const;
export type Priority = (typeof priorities)[number];

/**
 * A library that a file opens by itself while it runs, as its maker declared it
 * (https://systemd.io/ELF_DLOPEN_METADATA/). The first of the sonames that can be loaded will do.
 */
export interface DlopenNote {
  readonly sonames: readonly string[];
  readonly feature?: string;
  readonly description?: string;
  /** `recommended` where the note does not say. */
  readonly priority: Priority;
}

/** The note's type and owner, from the specification. */
const dlopenType = 0x407c0c0a;
const owner = "FDO\0";
const mostSonames = 256;

/**
 * The notes of this kind in one PT_NOTE segment of a reasonable size, which also holds others. Throws ElfError for a segment outside the
 * file; a note that is not the JSON it should be is passed over: it is a hint to packagers, the loader never reads it.
 */
export function readDlopenNotes(bytes: Bytes, offset: number, size: number, encoding: Encoding): readonly DlopenNote[] {
  const part = bytes.part(offset, size, encoding, "a note");
  const raw = bytes.raw(offset, size, "a note");
  const notes: DlopenNote[] = [];
  for (let at = 0; at + 12 <= size; ) {
    const nameStart = at + 12;
    const textStart = nameStart + padded(part.word(at));
    const textEnd = textStart + part.word(at + 4);
    if (textEnd > size) break;
    if (part.word(at + 8) === dlopenType && raw.toString("latin1", nameStart, nameStart + part.word(at)) === owner) {
      notes.push(...parse(raw.toString("utf8", textStart, textEnd).replace(/\0+$/, "")));
    }
    at = textStart + padded(textEnd - textStart);
  }
  return notes;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

function parse(text: string): readonly DlopenNote[] {
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(entries) ? entries.flatMap(asNote) : [];
}

function asNote(entry: unknown): readonly DlopenNote[] {
  if (typeof entry !== "object" || entry === null) return [];
  const { soname, feature, description, priority } = entry as Readonly<Record<string, unknown>>;
  const sonames = (Array.isArray(soname) ? soname : []).filter((each) => typeof each === "string" && each !== "");
  if (sonames.length === 0) return [];
  return [
    {
      sonames: sonames.slice(0, mostSonames) as string[],
      ...(typeof feature === "string" ? { feature } : {}),
      ...(typeof description === "string" ? { description } : {}),
      priority: priorities.find((each) => each === priority) ?? "recommended",
    },
  ];
}
