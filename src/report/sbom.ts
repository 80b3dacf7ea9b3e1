import { createHash } from "node:crypto";
import type { ImageDescription } from "../image/config.ts";
import { version } from "../system/version.ts";
import { originOf } from "./purl.ts";
import type { BuildRecord, EntryRecord } from "./record.ts";

/** An image of the store and what is recorded about it. */
export interface RecordedImage {
  /** `sha256:` and 64 hex digits. */
  readonly id: string;
  readonly record: BuildRecord;
  readonly config: ImageDescription["config"];
  /** Of its manifest. */
  readonly annotations: ImageDescription["annotations"];
}

export const toolName = "dhcpd-build";
export const toolVersion = version;

export interface FileRecord extends EntryRecord {
  readonly sha256: string;
}

/** The image's regular files, sorted by path. */
export function filesOf(record: BuildRecord): readonly FileRecord[] {
  return record.entries.filter(isFile);
}

/** The files that come from one package, or with `undefined` from none. */
export function filesFrom(record: BuildRecord, packageName: string | undefined): readonly FileRecord[] {
  return filesOf(record).filter((file) => file.package === packageName);
}

/** Which file needs which: for each path of a file the paths of the files that its loader opens for it, sorted. */
export function needsOf(record: BuildRecord): ReadonlyMap<string, readonly string[]> {
  const needs = new Map<string, readonly string[]>();
  for (const { path, reason } of record.entries.filter(isFile)) {
    if (reason.kind !== "needed") continue;
    for (const by of reason.by) needs.set(by, [...(needs.get(by) ?? []), path].sort());
  }
  return needs;
}

/** The image's time as ISO 8601 without a fraction. */
export function timestampOf(record: BuildRecord): string {
  return new Date(record.created * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The same UUID for the same text, always (RFC 9562, version 8). */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** `debian` as the organisation's name: `Debian`. */
export function supplierOf(record: BuildRecord): string {
  const { distribution, family } = originOf(record);
  const id = distribution?.id ?? family;
  return `${id.slice(0, 1).toUpperCase()}${id.slice(1)}`;
}

function isFile(entry: EntryRecord): entry is FileRecord {
  return entry.kind === "file" && entry.sha256 !== undefined;
}
