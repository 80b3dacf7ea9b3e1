import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseRepositoryPackages } from "../../src/packages/rpm.ts";
import { parseConfigDump, parseRepoInfo, verifySignatures } from "../../src/packages/rpm-signatures.ts";
import { type Log, silent } from "../../src/system/log.ts";
import { type Command, CommandFailure, type Run } from "../../src/system/run.ts";
import { recordingRun } from "../support/run.ts";

const fixtures = path.resolve(import.meta.dirname, "../fixtures/dnf");
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
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "signatures-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  const packages = async () =>
    parseRepositoryPackages(await captured("dnf-4.14.0/whatprovides.x86_64.txt")).filter(
      ({ name }) => name === "libidn2",
    );
  const trust = (isChecked: boolean, ...keys: readonly string[]) => new Map([["standin", { isChecked, keys }]]);
  /** Each test a key ring of its own. */
  const context = async (run: Run, log: Log = silent) => ({
    directory: await mkdtemp(path.join(directory, "a-")),
    run,
    log,
  });

  it("are checked with the repository's keys alone, in a key ring of their own", async () => {
    const { run, calls } = recordingRun();
    const { directory: place, ...rest } = await context(run);
    await verifySignatures(await packages(), trust(true, "file:///etc/key", "https://example.org/key"), {
      directory: place,
      ...rest,
    });
    const keyring = path.join(place, "keys-7374616e64696e");
    expect(calls.map(({ command }) => command)).toEqual([
      ["rpmkeys", "--dbpath", keyring, "--import", "/etc/key", "https://example.org/key"],
      [
        ...["rpmkeys", "--dbpath", keyring, "--define", "_pkgverify_level all"],
        ...["--checksig", "libidn2-2.3.3-2.fc44.x86_64.rpm"],
      ],
    ]);
    expect(calls[1]?.options).toEqual({ cwd: place });
  });

  it.each([
    ["rpm-4.18.0", "checksig-bad", "chrony-4.3-2.fc44.x86_64.rpm"],
    ["rpm-6.1.0", "checksig-bad", "chrony-4.3-2.fc44.x86_64.rpm"],
    ["rpm-4.18.0", "checksig-nokey", "gmp-6.2.1-2.fc44.x86_64.rpm"],
    ["rpm-6.1.0", "checksig-nokey", "gmp-6.2.1-2.fc44.x86_64.rpm"],
  ])("that are wrong, as %s says in %s, name the package", async (version, file, name) => {
    const stdout = await captured(`${version}/${file}.txt`);
    const run = async (command: Command) => {
      if (!command.includes("--checksig")) return "";
      throw new CommandFailure(command, { exitCode: 1, stdout, reason: "exit code 1" });
    };
    const checked = verifySignatures(await packages(), trust(true, "/k"), await context(run));
    await expect(checked).rejects.toMatchObject({
      message: expect.stringMatching(
        new RegExp(`^cannot trust (/tmp/k/)?${name}: its signature is wrong or by an unknown key$`),
      ),
      hint: "the keys are /k",
    });
  });

  it("cannot be checked without a key: that is an error, not a permission", async () => {
    const { run, calls } = recordingRun();
    for (const nothing of [trust(true), new Map()]) {
      await expect(verifySignatures(await packages(), nothing, await context(run))).rejects.toThrow(
        "cannot trust the packages of standin: its configuration names no key",
      );
    }
    expect(calls).toEqual([]);
  });

  it("are not checked where the configuration says so, aloud", async () => {
    const { run, calls } = recordingRun();
    const warnings: string[] = [];
    const log = { ...silent, warn: (text: string) => void warnings.push(text) } as unknown as Log;
    await verifySignatures(await packages(), trust(false), await context(run, log));
    expect(calls).toEqual([]);
    expect(warnings).toEqual(["signatures of standin are not checked: its configuration says gpgcheck=0"]);
  });
});
