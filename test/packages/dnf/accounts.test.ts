import { describe, expect, it } from "vitest";
import { accountsOf } from "../../../src/packages/dnf/accounts.ts";
import type { Root } from "../../../src/system/root.ts";

/** A root of a few files. */
function rootOf(files: Readonly<Record<string, string>>): Root {
  return {
    entry: (path) => {
      const text = files[path];
      return text === undefined ? undefined : { kind: "file", size: Buffer.byteLength(text), mode: 0o644 };
    },
    read: (path, position, length) => Buffer.from(files[path] ?? "").subarray(position, position + length),
    names: (directory) =>
      Object.keys(files)
        .filter((path) => path.startsWith(`${directory}/`))
        .map((path) => path.slice(directory.length + 1)),
  };
}

/** As rpm 4.19 and later write it: the line padded with NUL, so that base64 needs no "=". */
function provides(...lines: readonly string[]): { readonly provides: ReadonlySet<string> } {
  return {
    provides: new Set(
      lines.map((line) => {
        const padded = line.padEnd(Math.ceil(line.length / 3) * 3, "\0");
        return `${line.startsWith("g") ? "group" : "user"}(${line.split(" ")[1]}) = ${Buffer.from(padded).toString("base64")}`;
      }),
    ),
  };
}

describe("numbers of owners", () => {
  it("root is 0 everywhere", () => {
    const { user, group } = accountsOf([], rootOf({}));
    expect([...user, ...group]).toEqual([
      ["root", 0],
      ["root", 0],
    ]);
  });

  it.each<[string, number | undefined, number | undefined, string]>([
    ['u dhcpd 177 "DHCP server" / -', 177, 177, "a user brings the group of its name"],
    ["u squid 23:24", 23, 24, "or one with another number"],
    ["u radvd 75:radvd", 75, undefined, "or one that is named elsewhere"],
    ["u! tss 59 -", 59, 59, "a locked account is an account"],
    ["g utmp 22", undefined, 22, "a group alone"],
    ["u chrony - -", undefined, undefined, "a number that nobody knows beforehand is none"],
    ["u polkitd 998-999 -", undefined, undefined, "nor is anything else"],
  ])("%s: user %s, group %s (%s)", (line, uid, gid) => {
    const name = line.split(" ")[1]!;
    for (const accounts of [
      accountsOf([provides(line)], rootOf({})),
      accountsOf([], rootOf({ "/usr/lib/sysusers.d/a.conf": `# comment\n\n${line}\n` })),
    ]) {
      expect(accounts.user.get(name)).toBe(uid);
      expect(accounts.group.get(name)).toBe(gid);
    }
  });

  it("come from setup's files as well", () => {
    const { user, group } = accountsOf(
      [{ provides: new Set(["group(utmp)", "user(bin)", "setup = 2.15.0"]) }],
      rootOf({ "/etc/passwd": "bin:x:1:1:bin:/bin:/usr/sbin/nologin\n", "/etc/group": "utmp:x:22:\ntty:x:5:\n" }),
    );
    expect(user.get("bin")).toBe(1);
    expect(group.get("utmp")).toBe(22);
    expect(group.get("tty")).toBe(5);
  });
});
