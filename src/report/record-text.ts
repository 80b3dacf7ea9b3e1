import { inflateSync } from "node:zlib";
import { zlibSync } from "fflate";
import type { ImageDescription } from "../image/config.ts";
import { Failure } from "../system/errors.ts";
import type { BuildRecord } from "./record.ts";
import { recordSchema } from "./record-schema.ts";

/** The version of the format below; version 2 was JSON in labels. */
const recordVersion = 3;

/** What stands before a record in an entry of the image's history. */
const introduction = /^dhcpd-build record ([0-9]{1,9}) ([A-Za-z0-9+/]*={0,2})$/;

/** The label that began a record of version 2; a longer one went on in `.1`, `.2`, ... */
const formerLabel = "dhcpd-build.record";

/** More than a record ever has, in bytes of JSON: one of 20,000 files has 8 MB. */
const most = 256 * 1024 * 1024;

/**
 * What records have in common, for the compressor to refer to (RFC 1950, FDICT), the most frequent last. It is a part of the format: another
 * one is another version.
 */
const dictionary = Buffer.from(
  '{"plan":{"kind":"scratch","arch":"x86_64","recipe":"","title":"server","license":"MPL-2.0","service":{"command":["/usr/sbin/",' +
    '"capabilities":["NET_RAW","NET_BIND_SERVICE"],"ports":["67/udp"],"config":["/etc/"],"state":["/var/lib/"],"runtime":["/run/"],' +
    '"init":true,"environment":{},"user":{"uid":0,"gid":0},"health":["},"checks":[{"kind":"run","name":"the configuration is accepted",' +
    '"files":{"/etc/":"subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; }\\n"},"command":["' +
    '{"kind":"lease","name":"a client gets a lease","family":4,"server":"192.0.2.1/24"},{"kind":"stop","name":"it stops when told to",' +
    '"within":2000}],"unproven":[],"family":"debian","packages":["],"version":"","created":17,"distribution":{"id":"debian","version":"12"},' +
    '"packages":[{"name":"libc6","version":"","upstreamVersion":"2.36","arch":"amd64","source":{"name":"glibc","version":"2.36-9+deb12u14"},' +
    '"sha256":"","size":,"license":"LGPL-2.1-or-later AND GPL-2.0-only"}],"entries":[' +
    '{"path":"/lib","kind":"symlink","mode":"0777","owner":"0:0","target":"usr/lib","reason":{"kind":"link","to":"/usr/lib/x86_64-linux-gnu/"}},' +
    '{"path":"/usr/lib64/ld-linux-x86-64.so.2","kind":"symlink","mode":"0777","owner":"0:0","target":"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"' +
    ',"package":"libc6","reason":{"kind":"recipe"}},{"path":"/var/lib/","kind":"directory","mode":"0755","owner":"0:0",' +
    '"reason":{"kind":"parent","of":"/usr/lib/x86_64-linux-gnu/libc.so.6"}},{"path":"/usr/lib/x86_64-linux-gnu/libc.so.6","kind":"file",' +
    '"mode":"0755","owner":"0:0","size":,"sha256":"","package":"libc6","reason":{"kind":"asked"}},{"path":"/usr/sbin/","kind":"file",' +
    '"mode":"0644","owner":"0:0","size":,"sha256":"","package":"","reason":{"kind":"needed","soname":"libc.so.6","rule":"default","by":["/usr/',
);

/**
 * The record as an entry of an image's history has it, in `created_by`: podman, Docker and skopeo keep the history, and no event or log has it.
 * It is JSON in zlib's format (RFC 1950) in base64. The same record is the same text with every version of Node and on every
 * machine, which zlib does not promise: the image ID depends on it.
 */
export function recordText(record: BuildRecord): string {
  const bytes = zlibSync(Buffer.from(JSON.stringify(record)), { level: 9, dictionary });
  return `dhcpd-build record ${recordVersion} ${Buffer.from(bytes).toString("base64")}`;
}

/**
 * The record in an image's configuration; undefined for an image of somebody else. Throws Failure for a record that is damaged, or of a version
 * that this program does not read.
 */
export function readRecord({ config, history = [] }: ImageDescription["config"]): BuildRecord | undefined {
  // An image that was made from one of ours has more entries before or after it.
  const match = history.flatMap(({ created_by: text = "" }) => introduction.exec(text) ?? []).slice(-3);
  const [, version, encoded] = match;
  if (version === undefined || encoded === undefined) return readFormer(config?.Labels ?? {});
  if (Number(version) !== recordVersion) refuseVersion(version);
  return parsed(unpacked(encoded));
}

/** A record of version 2, from its labels. */
function readFormer(labels: Readonly<Record<string, string>>): BuildRecord | undefined {
  const parts: string[] = [];
  for (let part = labels[formerLabel]; part !== undefined; part = labels[`${formerLabel}.${parts.length}`])
    parts.push(part);
  if (parts.length === 0) return undefined;
  const record = parsedJson(parts.join("")) as { readonly recordVersion?: unknown; readonly plan?: object } | undefined;
  if (typeof record?.recordVersion === "number" && record.recordVersion !== 2) refuseVersion(record.recordVersion);
  // The first records of version 2 had other names.
  const { accept, ...plan } = (record?.plan ?? {}) as { readonly accept?: unknown };
  return parsed(record && { ...record, plan: accept === undefined ? plan : { ...plan, unproven: accept } });
}

function parsed(value: unknown): BuildRecord {
  const record = recordSchema.safeParse(value);
  if (record.success) return record.data;
  throw new Failure("cannot read the image's record: it is damaged", { cause: record.error });
}

function refuseVersion(version: string | number): never {
  throw new Failure(
    `cannot read the image's record: it has version ${version}, and this dhcpd-build reads versions 2 and ${recordVersion}`,
    { hint: "use the version of dhcpd-build that built the image, or a later one" },
  );
}

/** undefined for what is damaged: the format has a checksum. */
function unpacked(encoded: string): unknown {
  try {
    return parsedJson(
      inflateSync(Buffer.from(encoded, "base64"), { dictionary, maxOutputLength: most }).toString("utf8"),
    );
  } catch {
    return undefined;
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
