import type { Root } from "../../system/root.ts";
import type { RepositoryPackage } from "./rpm.ts";

/** Numbers of users and groups by name. */
export interface Accounts {
  readonly user: ReadonlyMap<string, number>;
  readonly group: ReadonlyMap<string, number>;
}

interface Numbers {
  readonly user: Map<string, number>;
  readonly group: Map<string, number>;
}

/**
 * The accounts with fixed numbers that packages bring. rpm 4.19 and later put each line of their sysusers.d(5) files, in base64, into
 * provides as `user(NAME) = BASE64` and `group(NAME) = BASE64`; what `root` has of such files and of /etc/passwd and /etc/group counts, too.
 */
export function accountsOf(packages: readonly Pick<RepositoryPackage, "provides">[], root: Root): Accounts {
  const numbers: Numbers = { user: new Map([["root", 0]]), group: new Map([["root", 0]]) };
  readDatabase(numbers.user, textOf(root, "/etc/passwd"));
  readDatabase(numbers.group, textOf(root, "/etc/group"));
  for (const name of root.names(sysusers)) readSysusers(numbers, textOf(root, `${sysusers}/${name}`));
  for (const { provides } of packages) {
    for (const provided of provides) {
      const encoded = /^(?:user|group)\(\S+\) = (\S+)$/.exec(provided)?.[1];
      if (encoded !== undefined) readSysusers(numbers, Buffer.from(encoded, "base64").toString().replaceAll("\0", ""));
    }
  }
  return numbers;
}

const sysusers = "/usr/lib/sysusers.d";

/** Larger ones exist in no package; in bytes. */
const mostBytes = 4 * 1024 * 1024;

function textOf(root: Root, file: string): string {
  const entry = root.entry(file);
  return entry?.kind === "file" && entry.size <= mostBytes
    ? Buffer.from(root.read(file, 0, entry.size)).toString()
    : "";
}

/** passwd(5) and group(5): the name is the first field and the number the third. */
function readDatabase(numbers: Map<string, number>, text: string): void {
  for (const line of text.split("\n")) {
    const [name = "", , id = ""] = line.split(":");
    if (isNumber(id)) numbers.set(name, Number(id));
  }
}

function readSysusers({ user, group }: Numbers, text: string): void {
  for (const line of text.split("\n")) {
    const [type = "", name = "", id = ""] = line.trim().split(/\s+/);
    const [uid = "", gid = uid] = id.split(":");
    if (type.startsWith("u") && isNumber(uid)) user.set(name, Number(uid));
    // A user's group of the same name gets the same number where the line names none; `uid:group` names one by its own name.
    if (type.startsWith("u") && isNumber(gid)) group.set(name, Number(gid));
    if (type.startsWith("g") && isNumber(uid)) group.set(name, Number(uid));
  }
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}
