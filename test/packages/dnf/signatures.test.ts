import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parseRepositoryPackages } from "../../../src/packages/dnf/rpm.ts";
import {
  checkCommand,
  importCommand,
  parseConfigDump,
  parseRepoInfo,
  type RepositoryTrust,
  requireTrusted,
  signatureChecks,
  warnOfKeys,
} from "../../../src/packages/dnf/signatures.ts";
import { type Log, silent } from "../../../src/system/log.ts";
import { CommandFailure } from "../../../src/system/run.ts";

const fixtures = path.resolve(import.meta.dirname, "../../fixtures/dnf");
const captured = (name: string) => readFile(path.join(fixtures, name), "utf8");

describe("what a configuration says of a repository's keys", () => {
  const standin = { isChecked: true, keys: ["file:///etc/pki/rpm-gpg/RPM-GPG-KEY-standin"] };

  it("in dnf5", async () => {
    const trust = parseRepoInfo(await captured("dnf5-5.4.6.0/repo-info.json"));
    expect([...trust]).toEqual([["standin", standin]]);
  });

  it("in dnf 4", async () => {
    const trust = parseConfigDump(await captured("dnf-4.14.0/config-dump.txt"));
    expect([...trust]).toEqual([["standin", standin]]);
  });

  it("in dnf 4 of several repositories, with several keys, unchecked, without any", () => {
    const text =
      "[one]\ngpgcheck = 0\ngpgkey = \n[two]\ngpgcheck = 1\ngpgkey = file:///a, file:///b\n[three]\nname = 3\n";
    expect([...parseConfigDump(text)]).toEqual([
      ["one", { isChecked: false, keys: [] }],
      ["two", { isChecked: true, keys: ["file:///a", "file:///b"] }],
      ["three", { isChecked: true, keys: [] }],
    ]);
  });
});

describe("signatures of downloaded packages", () => {
  const key = "file:///etc/key";
  const trust = (isChecked: boolean, ...keys: readonly string[]) => new Map([["standin", { isChecked, keys }]]);
  const packages = async () =>
    parseRepositoryPackages(await captured("dnf-4.14.0/whatprovides.x86_64.txt")).filter(
      ({ name }) => name === "libidn2",
    );
  const checks = async (trusted: ReadonlyMap<string, RepositoryTrust>, log: Log = silent) =>
    signatureChecks(await packages(), trusted, { directory: "/d", log });
  const warnings: string[] = [];
  const log = { ...silent, warn: (text: string) => void warnings.push(text) } as unknown as Log;
  beforeEach(() => void warnings.splice(0));

  it("are checked with the repository's keys alone, in a key ring of their own", async () => {
    const [check] = await checks(trust(true, key, "https://example.org/key"));
    expect(importCommand(check!, "/d/ring")).toEqual([
      ...["rpmkeys", "--dbpath", "/d/ring", "--import", "/etc/key", "https://example.org/key"],
    ]);
    expect(checkCommand(check!, "/d/ring")).toEqual([
      ...["rpmkeys", "--dbpath", "/d/ring", "--define", "_pkgverify_level all", "--verbose"],
      ...["--checksig", "/d/libidn2-2.3.3-2.fc44.x86_64.rpm"],
    ]);
  });

  it("that rpm refuses name the package, the reason and the keys", async () => {
    const [check] = await checks(trust(true, key));
    const stdout = "/d/libidn2-2.3.3-2.fc44.x86_64.rpm:\n    Header RSA signature: NOTFOUND\n";
    const refused = new CommandFailure(["rpmkeys"], { exitCode: 1, stdout, reason: "exit code 1" });
    expect(() => requireTrusted(check!, refused)).toThrow(
      expect.objectContaining({
        message: "cannot trust libidn2-2.3.3-2.fc44.x86_64.rpm: it is not signed",
        hint: "the keys are file:///etc/key",
      }),
    );
    expect(() => requireTrusted(check!, "")).not.toThrow();
  });

  it("warn of a key that cannot be imported, and go on", async () => {
    const [check] = await checks(trust(true, key));
    const stderr = "warning: Unsupported version of key: V6\nerror: /etc/key: key 2 import failed.\n";
    warnOfKeys(check!, new CommandFailure(["rpmkeys"], { exitCode: 1, stderr, reason: "exit code 1" }), log);
    expect(warnings).toEqual(["cannot use a key of standin: key 2 of /etc/key: Unsupported version of key: V6"]);
    warnOfKeys(check!, new CommandFailure(["rpmkeys"], { exitCode: 1, stderr: "", reason: "exit code 1" }), log);
    expect(warnings[1]).toBe("cannot use a key of standin: exit code 1");
    warnOfKeys(check!, "", log);
    expect(warnings).toHaveLength(2);
  });

  it("cannot be checked without a key: that is an error, not a permission", async () => {
    for (const nothing of [trust(true), new Map()]) {
      await expect(checks(nothing)).rejects.toThrow(
        "cannot trust the packages of standin: its configuration names no key",
      );
    }
  });

  it("are not checked where the configuration says so, aloud", async () => {
    expect(await checks(trust(false), log)).toEqual([]);
    expect(warnings).toEqual(["signatures of standin are not checked: its configuration says gpgcheck=0"]);
  });
});
