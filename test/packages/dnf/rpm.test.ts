import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readAlternatives } from "../../../src/packages/alternatives.ts";
import {
  asPackage,
  fedoraReleaseOf,
  headerFormat,
  nevra,
  parseHeaderDetails,
  parseRepositoryPackages,
  preservedPackage,
  type RepositoryPackage,
  restorePackage,
  splitHeaders,
} from "../../../src/packages/dnf/rpm.ts";
import { dnfComplaint } from "../../../src/packages/dnf/state.ts";
import { Failure } from "../../../src/system/errors.ts";
import { CommandFailure } from "../../../src/system/run.ts";
import { run } from "../../support/run.ts";
import { requireTools } from "../../support/tools.ts";

const fixtures = path.resolve(import.meta.dirname, "../../fixtures/dnf");
const captured = (name: string) => readFileSync(path.join(fixtures, name), "utf8");
const named = (packages: readonly RepositoryPackage[], name: string, arch?: string) =>
  packages.find((each) => each.name === name && (arch === undefined || each.arch === arch))!;

describe.each(["dnf-4.14.0", "dnf5-5.4.6.0"])("what a repoquery of %s prints", (version) => {
  describe.each(["x86_64", "aarch64"])("for %s", (arch) => {
    const read = (question: string) => parseRepositoryPackages(captured(`${version}/${question}.${arch}.txt`));

    it("describes the package that was named", () => {
      const packages = read("named");
      expect(packages).toHaveLength(1);
      const [service] = packages;
      expect(service).toMatchObject({
        name: "dhcp-server",
        epoch: "12",
        version: "4.4.3",
        release: "27.P1.fc44",
        arch,
        sourceFile: "dhcp-4.4.3-27.P1.fc44.src.rpm",
        repository: "standin",
        license: "MPL-2.0",
      });
      expect(nevra(service!)).toBe(`dhcp-server-12:4.4.3-27.P1.fc44.${arch}`);
      expect(service!.file).toBe(`dhcp-server-4.4.3-27.P1.fc44.${arch}.rpm`);
      expect(service!.size).toBeGreaterThan(1_000_000);
      expect(service!.provides).toContain("dhcp-server = 12:4.4.3-27.P1.fc44");
      expect([...service!.provides]).not.toContain("");
      expect(fedoraReleaseOf(service!)).toBe("44");
    });

    it("tells which libraries a package requires, with and without a symbol version", () => {
      const [service] = read("named");
      const libraries = ["libc.so.6", "liblber-2.5.so.0", "libldap-2.5.so.0"];
      expect([...service!.libraries].filter((name) => !name.startsWith("ld-linux")).sort()).toEqual(libraries);
    });

    it("has everything below the named package, and who provides each library", () => {
      const packages = read("recursive");
      expect(packages.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["cyrus-sasl-lib", "glibc", "gnutls", "libidn2", "libidn2-compat", "setup"]),
      );
      expect(named(packages, "glibc", arch).provides).toContain("libc.so.6()(64bit)");
      expect(named(packages, "glibc", arch).epoch).toBe("0");
      expect(named(packages, "setup").libraries.size).toBe(0);
      expect(packages.every(({ provides, size }) => provides.size > 0 && size > 0)).toBe(true);
    });

    it("has several packages that provide one soname", () => {
      const packages = read("whatprovides");
      const providers = packages.filter(({ provides }) => provides.has("libidn2.so.0()(64bit)"));
      expect(providers.map(({ name }) => name).sort()).toEqual(["libidn2", "libidn2-compat"]);
    });

    it("keeps packages apart that were asked about together", () => {
      expect(
        read("other")
          .map(({ name }) => name)
          .sort(),
      ).toEqual(["chrony", "iputils", "libutempter"]);
    });
  });
});

it("32-bit libraries are never taken for 64-bit ones", () => {
  const packages = parseRepositoryPackages(captured("dnf5-5.4.6.0/recursive.x86_64.txt"));
  const old = named(packages, "glibc", "i686");
  expect(old.provides).toContain("libc.so.6");
  expect([...old.provides].filter((each) => each.endsWith("(64bit)"))).toEqual([]);
  expect([...old.libraries]).toEqual([]);
});

it("nothing found is no package", () => {
  expect(parseRepositoryPackages("")).toEqual([]);
});

it("a package is described as every family's are: epoch 0 unsaid, the source by name and version", () => {
  const packages = parseRepositoryPackages(captured("dnf-4.14.0/recursive.x86_64.txt"));
  expect(asPackage(named(packages, "cyrus-sasl-lib"), "ab".repeat(32))).toEqual({
    name: "cyrus-sasl-lib",
    version: "2.1.28-2.fc44",
    upstreamVersion: "2.1.28",
    arch: "x86_64",
    source: { name: "cyrus-sasl", version: "2.1.28-2.fc44" },
    sha256: "ab".repeat(32),
    size: named(packages, "cyrus-sasl-lib").size,
    licenses: ["BSD-Attribution-HPND-disclaimer"],
    archivePath: "standin/cyrus-sasl-lib-2.1.28-2.fc44.x86_64.rpm",
  });
  const provides = new Set(["served = 1", "bundled(zlib)", "bundled(bind) = 9.11.36"]);
  expect(asPackage({ ...named(packages, "gmp"), provides }, "").builtIn).toEqual({
    Provides: "bundled(bind) = 9.11.36, bundled(zlib)",
  });
  expect(asPackage(named(packages, "gmp"), "").version).toBe("1:6.2.1-2.fc44");
});

it("a release without a number of Fedora says nothing of one", () => {
  expect(["1.el10", "1", "2.fc44_1", "5.fcx"].map((release) => fedoraReleaseOf({ release }))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

describe.each(["rpm-4.18.0", "rpm-6.1.0"])("what a header of %s says of files", (version) => {
  /** The capture has file modes and link targets as well, which come with the payload. */
  const read = (name: string) => {
    const lines = captured(`${version}/files.${name}.txt`).split("\n");
    const columns = lines.map((line) => line.split("\t")).filter((fields) => fields.length >= 5);
    return parseHeaderDetails(
      columns.map(([file, , user, group, caps]) => [file, user, group, caps].join("\t")).join("\n"),
    );
  };
  const owner = (name: string, file: string) => {
    const { userName, groupName } = read(name).get(file)!;
    return `${userName}:${groupName}`;
  };

  it("are owners by name", () => {
    expect(owner("libutempter", "/usr/libexec/utempter/utempter")).toBe("root:utmp");
    expect(owner("chrony", "/var/lib/chrony")).toBe("chrony:chrony");
    expect(owner("dhcp-server", "/usr/bin/dhcpd")).toBe("root:root");
    expect(read("filesystem").size).toBeGreaterThan(10);
  });

  it("are file capabilities, where a file has some", () => {
    const bytes = (file: string) => {
      const value = read("iputils").get(file)?.xattrs.get("security.capability");
      return value && Buffer.from(value).toString("hex");
    };
    expect(bytes("/usr/bin/arping")).toBe("0000000200200000000000000000000000000000");
    expect(bytes("/usr/bin/ping")).toBe("0100000200200000000000000000000000000000");
    expect(bytes("/usr/share/man/man8/ping.8.gz")).toBeUndefined();
    expect(read("chrony").get("/usr/bin/chronyd")?.xattrs.size).toBe(0);
  });
});

it("an empty file capability is an attribute, and none is none", () => {
  const details = parseHeaderDetails("/usr/bin/x\troot\troot\t=\n/usr/bin/y\troot\troot\t\n");
  expect(Buffer.from(details.get("/usr/bin/x")!.xattrs.get("security.capability")!).toString("hex")).toBe(
    `00000002${"00".repeat(16)}`,
  );
  expect(details.get("/usr/bin/y")!.xattrs.size).toBe(0);
});

it("headers of several packages are told apart, each with the name of its own", () => {
  const first = ">a-0:1-1.noarch\n(none)\n/usr/bin/x\troot\troot\t\n";
  const second = ">b++-2:1-1.x86_64\n(none)\n/usr/bin/y\tone\ttwo\t\n";
  const headers = splitHeaders(first + second);
  expect(headers.map(({ nevra: name }) => name)).toEqual(["a-0:1-1.noarch", "b++-2:1-1.x86_64"]);
  expect(headers.map(({ scriptlet }) => scriptlet)).toEqual(["", ""]);
  expect(parseHeaderDetails(headers[1]!.files).get("/usr/bin/y")).toMatchObject({ userName: "one", groupName: "two" });
  expect(splitHeaders(headers[0]!.text)).toEqual([headers[0]]);
});

it("a scriptlet is told from the header around it, whatever is in it", () => {
  const scriptlet = "echo 'a'\n>b-0:1-1.noarch\n/usr/bin/x\tevil\tevil\t\necho '\\''";
  const quoted = `'${scriptlet.replaceAll("'", "'\\''")}'`;
  const printed = `>a-0:1-1.noarch\n${quoted}\n/usr/bin/x\troot\troot\t\n>c-0:1-1.noarch\n(none)\n`;
  const headers = splitHeaders(printed);
  expect(headers.map((header) => [header.nevra, header.scriptlet])).toEqual([
    ["a-0:1-1.noarch", scriptlet],
    ["c-0:1-1.noarch", ""],
  ]);
  expect([...parseHeaderDetails(headers[0]!.files)]).toMatchObject([["/usr/bin/x", { userName: "root" }]]);
});

it("a scriptlet without an end is all that follows", () => {
  expect(splitHeaders(">a-0:1-1.noarch\n'echo")).toMatchObject([{ nevra: "a-0:1-1.noarch", scriptlet: "echo" }]);
});

it.each([
  ["dnf 4, a path", "sub/odd name+%41|x.rpm"],
  ["dnf5, a URL", "http://repository.invalid/44/sub/odd name+%41|x.rpm"],
])("a package's file is called as its repository calls it (%s)", (_, location) => {
  const text = `>a|0|1|1|noarch|12|a-1-1.src.rpm|one|MIT|x\n${location}\na = 1\n\n<\n\n`;
  const [found] = parseRepositoryPackages(text);
  expect(found).toMatchObject({ file: "odd name+%41|x.rpm", license: "MIT|x" });
  expect([...found!.provides]).toEqual(["a = 1"]);
});

it("a file with capabilities of tomorrow is refused, not stripped", () => {
  expect(() => parseHeaderDetails("/usr/bin/x\troot\troot\tcap_tomorrow=ep\n")).toThrow(
    new Failure("cannot understand the file capabilities 'cap_tomorrow=ep'"),
  );
});

describe("the line in which dnf says what went wrong", () => {
  it.each([
    ["dnf-4.14.0", "cacheonly", "Cache-only enabled but no cache for 'standin'"],
    ["dnf5-5.4.6.0", "cacheonly", 'Cache-only enabled but no cache for repository "standin"'],
    [
      "dnf-4.14.0",
      "unreachable",
      "Failed to download metadata for repo 'standin': Cannot download repomd.xml: Cannot download repodata/repomd.xml: All mirrors were tried",
    ],
    [
      "dnf5-5.4.6.0",
      "unreachable",
      'Failed to download metadata (baseurl: "http://127.0.0.1:9/x") for repository "standin": Usable URL not found',
    ],
    ["dnf-4.14.0", "download-nosuch", "No package nosuch available."],
    [
      "dnf5-5.4.6.0",
      "download-nosuch",
      'No package "nosuch" available; You might want to use --skip-unavailable option.',
    ],
    [
      "dnf5-5.4.6.0",
      "no-repositories",
      'No matching repositories for *, *. Add "--help" for more information about the arguments.',
    ],
  ])("of %s, %s", (version, file, sentence) => {
    const failure = new CommandFailure(["dnf"], {
      exitCode: 1,
      stderr: captured(`${version}/${file}.txt`),
      reason: "",
    });
    expect(dnfComplaint(failure)).toBe(sentence);
  });
});

it("a package is restored as it was preserved, whatever it provides and requires", () => {
  const packages = parseRepositoryPackages(captured("dnf5-5.4.6.0/recursive.x86_64.txt"));
  for (const each of packages) expect(restorePackage(preservedPackage(each))).toEqual(each);
  const { file, ...before } = packages[0]!;
  const old = JSON.stringify({ ...before, provides: [...before.provides], libraries: [...before.libraries] });
  expect(restorePackage(old).file).toBe(file);
  expect(packages.some(({ libraries }) => libraries.size === 0)).toBe(true);
  expect(packages.some(({ epoch }) => epoch !== "0")).toBe(true);
});

it.runIf(requireTools("rpm", "rpmbuild"))("rpm prints a scriptlet so that it can be read", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "rpm-"));
  const scriptlet = "echo 'a'\n>oops\nupdate-alternatives --install /usr/bin/nc nc /usr/bin/nc.x 50";
  const heading = ["Name: nc", "Version: 1", "Release: 1", "Summary: x", "License: MIT", "BuildArch: noarch"];
  const parts = [
    "%description",
    "x",
    "%post",
    scriptlet,
    "%files",
    "%package doc",
    "Summary: x",
    "%description doc",
    "x",
  ];
  const spec = path.join(directory, "nc.spec");
  await writeFile(spec, `${[...heading, ...parts, "%files doc"].join("\n")}\n`);
  await run(["rpmbuild", "-bb", "--quiet", "--define", `_topdir ${directory}`, spec]);
  const files = ["nc-1-1", "nc-doc-1-1"].map((name) => path.join(directory, "RPMS/noarch", `${name}.noarch.rpm`));
  const headers = splitHeaders(await run(["rpm", "-qp", "--nosignature", "--qf", headerFormat, ...files]));
  await rm(directory, { recursive: true });
  expect(headers.map((header) => [header.nevra, header.scriptlet])).toEqual([
    ["nc-0:1-1.noarch", scriptlet],
    ["nc-doc-0:1-1.noarch", ""],
  ]);
  expect(readAlternatives(headers[0]!.scriptlet)).toMatchObject([{ link: "/usr/bin/nc", path: "/usr/bin/nc.x" }]);
});
