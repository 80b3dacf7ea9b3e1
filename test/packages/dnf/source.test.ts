import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rememberAnswers } from "../../../src/packages/answers.ts";
import { openCache } from "../../../src/packages/cache.ts";
import { openDnfCatalog, withLibraries } from "../../../src/packages/dnf/catalog.ts";
import { openDnfState, refreshMetadata } from "../../../src/packages/dnf/state.ts";
import { silent } from "../../../src/system/log.ts";
import { hostPlace, type Place } from "../../../src/system/place.ts";
import { type Command, CommandFailure } from "../../../src/system/run.ts";
import { recordingRun } from "../../support/run.ts";

const fixtures = path.resolve(import.meta.dirname, "../../fixtures/dnf");
const fedora = 'NAME="Stand-in"\nID=fedora\nVERSION_ID=44\n';
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "dnf-"));
});
afterAll(() => rm(directory, { recursive: true }));

/** A place with one of the two, which answers from what was captured of it. */
async function placeWith(program: "dnf" | "dnf5", osRelease = fedora) {
  const own = await mkdtemp(path.join(directory, "place-"));
  const version = program === "dnf5" ? "dnf5-5.4.6.0" : "dnf-4.14.0";
  const capture = (name: string) => readFile(path.join(fixtures, version, `${name}.x86_64.txt`), "utf8");
  const answers = {
    named: await capture("named"),
    recursive: await capture("recursive"),
    url: await capture("download-url"),
  };
  const { run, calls } = recordingRun((command) => {
    if (command[0] === "cat") return osRelease;
    if (command[0] !== program) throw new CommandFailure(command, { reason: "it is not installed", notFound: true });
    if (command.includes("--version")) return program === "dnf5" ? "dnf5 version 5.4.6.0" : "4.14.0";
    if (command.includes("--url")) return answers.url;
    if (command.includes("--recursive")) return answers.recursive;
    return command.includes("repoquery") ? answers.named : "";
  });
  const place: Place = { ...hostPlace(run), identity: `sha256:${"ab".repeat(32)}` };
  const commands = () => calls.map(({ command }) => command.join(" ").replaceAll(own, "CACHE").replaceAll("\n", "\\n"));
  return { place, commands, directory: own };
}

const state = "CACHE/x86_64-abababababababab";
const common = (arch: string) =>
  `--releasever=44 --forcearch=${arch} --setopt=cachedir=${state}/cache ` +
  "--setopt=*.skip_if_unavailable=False --setopt=*.metadata_expire=never";
const dnf = {
  dnf5: `dnf5 -q -y --installroot=${state}/root --use-host-config ${common("x86_64")}`,
  dnf: `dnf -q -y --installroot=${state}/root --disableplugin=local ${common("x86_64")}`,
};
const format =
  ">%{name}|%{epoch}|%{version}|%{release}|%{arch}|%{downloadsize}|%{sourcerpm}|%{repoid}|%{license}\\n%{location}\\n%{provides}\\n<\\n%{requires}\\n";

describe.each([
  ["dnf5", "--providers-of=requires"],
  ["dnf", "--requires --resolve"],
] as const)("%s", (program, recursive) => {
  it("is asked three questions with these command lines, and no question twice", async () => {
    const { place, commands, directory: own } = await placeWith(program);
    const opened = await openDnfState(own, "x86_64", place);
    const cache = await openCache(own, Buffer.alloc(32));
    const remembering = (lists: string) => ({
      ...({ arch: "x86_64", packages: ["dhcp-server"], state: opened } as const),
      remember: rememberAnswers(lists, cache),
    });
    await openDnfCatalog(remembering("lists"));
    const questions = () => commands().filter((line) => /repoquery|--url/.test(line));
    const asked = questions();
    expect(asked).toEqual([
      `${dnf[program]} repoquery --qf ${format} --arch=x86_64,noarch --latest-limit=1 dhcp-server`,
      `${dnf[program]} repoquery --qf ${format} --arch=x86_64,noarch --latest-limit=1 ${recursive} --recursive dhcp-server`,
      `${dnf[program]} download --resolve --alldeps --url dhcp-server`,
    ]);
    await openDnfCatalog(remembering("lists"));
    expect(questions()).toEqual(asked);
    // Other metadata may mean another answer.
    const before = await opened.listsFingerprint();
    await mkdir(path.join(opened.directory, "cache/repodata"), { recursive: true });
    await writeFile(path.join(opened.directory, "cache/repodata/repomd.xml"), "newer");
    expect(await opened.listsFingerprint()).not.toBe(before);
    await openDnfCatalog(remembering("newer lists"));
    expect(questions()).toHaveLength(6);
  });

  it("of several providers its solver chooses", async () => {
    const { place, directory: own } = await placeWith(program);
    const opened = await openDnfState(own, "x86_64", place);
    const remember = rememberAnswers("lists", await openCache(own, Buffer.alloc(32)));
    const catalog = await openDnfCatalog({ arch: "x86_64", packages: ["dhcp-server"], state: opened, remember });
    const chosen = (library: string) =>
      catalog.providersOf(library, catalog.known).map(({ name, arch }) => `${name}.${arch}`);
    expect(chosen("libc.so.6")).toEqual(["glibc.x86_64"]);
    expect(chosen("/lib64/ld-linux-x86-64.so.2")).toEqual(["glibc.x86_64"]);
    expect(chosen("libnothing.so.1")).toEqual([]);
    expect(chosen("libsasl2.so.2")).toEqual(["cyrus-sasl-lib.x86_64"]);
    expect(chosen("libidn2.so.0")).toEqual(["libidn2.x86_64"]);
  });

  it("of several providers needs no solver where a library has one", async () => {
    const { place, directory: own } = await placeWith(program);
    const failing: Place = {
      ...place,
      all: async (commands) =>
        (await place.all(commands)).map((outcome, index) =>
          commands[index]?.includes("--url")
            ? new CommandFailure(["dnf"], { exitCode: 1, stderr: "Error: it conflicts", reason: "exit code 1" })
            : outcome,
        ),
    };
    const opened = await openDnfState(own, "x86_64", failing);
    const remember = rememberAnswers("lists", await openCache(own, Buffer.alloc(32)));
    const catalog = await openDnfCatalog({ arch: "x86_64", packages: ["dhcp-server"], state: opened, remember });
    expect(catalog.providersOf("libc.so.6", catalog.known).map(({ name }) => name)).toEqual(["glibc"]);
    expect(() => catalog.providersOf("libsasl2.so.2", catalog.known)).toThrow(
      "cannot ask dnf about dhcp-server: it conflicts",
    );
  });

  it("all libraries below a package are known beforehand, and nothing that is no library", async () => {
    const { place, directory: own } = await placeWith(program);
    const opened = await openDnfState(own, "x86_64", place);
    const remember = rememberAnswers("lists", await openCache(own, Buffer.alloc(32)));
    const catalog = await openDnfCatalog({ arch: "x86_64", packages: ["dhcp-server"], state: opened, remember });
    const names = withLibraries(catalog.named, catalog).map(({ name, arch }) => `${name}.${arch}`);
    expect(names.sort()).toEqual(
      [
        ...["cyrus-sasl-lib", "dhcp-server", "glibc", "gmp", "gnutls", "libffi", "libidn2", "libtasn1", "libunistring"],
        ...["nettle", "openldap", "p11-kit"],
      ].map((name) => `${name}.x86_64`),
    );
  });

  it("is looked for once in a builder, whose image does not change", async () => {
    const { place, commands, directory: own } = await placeWith(program);
    await openDnfState(own, "x86_64", place);
    const first = commands().length;
    expect(await openDnfState(own, "x86_64", place)).toMatchObject({
      generation: program === "dnf5" ? 5 : 4,
      distribution: { id: "fedora", version: "44" },
    });
    expect(commands()).toHaveLength(first);
  });
});

it("on a system of another family no release is made up", async () => {
  const { place, commands, directory: own } = await placeWith("dnf", "ID=debian\nVERSION_ID=12\n");
  const opened = await openDnfState(own, "aarch64", place);
  expect(opened.distribution).toBeUndefined();
  await opened.dnf("makecache");
  expect(commands().at(-1)).not.toContain("--releasever");
});

describe("what is wrong is a sentence", () => {
  it("no dnf", async () => {
    const run = async (command: Command) => {
      throw new CommandFailure(command, { reason: "it is not installed", notFound: true });
    };
    const own = await mkdtemp(path.join(directory, "none-"));
    await expect(openDnfState(own, "x86_64", { ...hostPlace(run), identity: "b".repeat(64) })).rejects.toMatchObject({
      message: "cannot use Fedora's packages: there is no dnf",
      hint: "install it, or name an image that has it: --builder IMAGE",
    });
  });

  it("no repository, with which dnf 4 is content", async () => {
    const { place, directory: own } = await placeWith("dnf");
    const opened = await openDnfState(own, "x86_64", place);
    await expect(refreshMetadata(opened, { maxAge: 0, log: silent })).rejects.toMatchObject({
      message: "cannot use Fedora's packages: dnf has no repository",
      hint: expect.stringContaining("/etc/yum.repos.d"),
    });
  });

  it.each(["dnf-4.14.0", "dnf5-5.4.6.0"])("a repository that is away, as %s says it", async (version) => {
    const { place, directory: own } = await placeWith("dnf5");
    const opened = await openDnfState(own, "x86_64", place);
    const stderr = await readFile(path.join(fixtures, version, "unreachable.txt"), "utf8");
    const dnfAway = async () => {
      throw new CommandFailure(["dnf"], { exitCode: 1, stderr, reason: "exit code 1" });
    };
    await expect(refreshMetadata({ ...opened, dnf: dnfAway }, { maxAge: 0, log: silent })).rejects.toMatchObject({
      message: expect.stringMatching(/^cannot fetch the repositories' metadata: Failed to download metadata /),
      hint: "check the network and the repositories with: dnf makecache",
    });
  });
});
