import { createHash } from "node:crypto";
import type { LinkedIn } from "../elf/linked-in.ts";
import type { ImageDescription } from "../image/config.ts";
import { version } from "../system/version.ts";
import { originOf, vendorOf } from "./purl.ts";
import type { BuildRecord, EntryRecord } from "./record.ts";

/** An image of the store and what is recorded about it. */
export interface RecordedImage {
  /** `sha256:` and 64 hex digits. */
  readonly id: string;
  readonly record: BuildRecord;
  readonly config: ImageDescription["config"];
  /** Of its manifest. */
  readonly annotations: ImageDescription["annotations"];
  /** Its programs and libraries, which bills of materials are about; absent where nobody looked. */
  readonly natives?: readonly NativeFile[];
}

/** A program or library and what it declares to be linked in. */
export interface NativeFile extends LinkedIn {
  readonly path: string;
}

/**
 * Whether a bill of materials names everything: of an OS-based image it does not list the files, and compilers of most languages leave no list of
 * what they linked in, so that nobody can.
 */
export function isComplete({ record, natives }: RecordedImage): boolean {
  return record.plan.kind === "scratch" && natives !== undefined && natives.every(({ whole }) => whole);
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

/** Where the ID of os-release(5) with a capital is another word. */
const organizations: Readonly<Record<string, string>> = {
  almalinux: "AlmaLinux",
  centos: "CentOS",
  ol: "Oracle",
  "opensuse-leap": "openSUSE",
  "opensuse-tumbleweed": "openSUSE",
  rhel: "Red Hat",
  sles: "SUSE",
};

/** Who made the packages: `debian` as `Debian`; undefined where nobody says of which distribution they are. */
export function supplierOf(record: BuildRecord): string | undefined {
  const id = vendorOf(originOf(record));
  return id === undefined ? undefined : (organizations[id] ?? `${id.slice(0, 1).toUpperCase()}${id.slice(1)}`);
}

function isFile(entry: EntryRecord): entry is FileRecord {
  return entry.kind === "file" && entry.sha256 !== undefined;
}
