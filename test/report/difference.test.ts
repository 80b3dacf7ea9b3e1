import { describe, expect, it } from "vitest";
import { differenceOf, isSame } from "../../src/report/difference.ts";
import { differenceText } from "../../src/report/difference-text.ts";
import type { BuildRecord } from "../../src/report/record.ts";
import { imageOf, sampleRecord, sampleWith } from "./sample.ts";

const differences = (before: BuildRecord, after: BuildRecord) => differenceOf(imageOf(before), imageOf(after));
const text = (before: BuildRecord, after: BuildRecord) => differenceText(differences(before, after));
const lines = (after: BuildRecord) => text(sampleRecord, after).split("\n");
const withService = (part: object): BuildRecord => ({
  ...sampleRecord,
  plan: { ...sampleRecord.plan, service: { ...sampleRecord.plan.service, ...part } },
});

const next: BuildRecord = {
  ...withService({
    command: ["/usr/sbin/served", "-q"],
    ports: ["67/udp", "547/udp"],
    capabilities: ["NET_RAW"],
    environment: { TZ: "UTC" },
    config: [],
  }),
  version: "4.5",
  packages: [
    { ...sampleRecord.packages[0]!, sha256: "9".repeat(64) },
    { ...sampleRecord.packages[2]!, version: "4.5-1" },
    { ...sampleRecord.packages[2]!, name: "served-common" },
  ],
  entries: [
    ...sampleRecord.entries
      .filter(({ path }) => path !== "/usr/lib/libextra++.so.1")
      .map((entry) => (entry.path === "/usr/sbin/served" ? { ...entry, sha256: "8".repeat(64), size: 4000 } : entry)),
    {
      path: "/var/lib/served/state",
      kind: "file",
      mode: "0600",
      owner: "177:177",
      size: 7,
      sha256: "7".repeat(64),
      reason: { kind: "recipe" },
    },
  ],
};

it("is told by configuration, packages, files and bytes", () => {
  expect(text(sampleRecord, next)).toBe(`\
configuration: 1 added, 1 removed, 4 changed
  ~ capabilities  NET_BIND_SERVICE NET_RAW -> NET_RAW
  ~ command  ["/usr/sbin/served","-f"] -> ["/usr/sbin/served","-q"]
  - config  /etc/served.conf
  + env TZ  UTC
  ~ ports  67/udp -> 547/udp 67/udp
  ~ version  4.4 -> 4.5

packages: 1 added, 1 removed, 2 changed
  ~ libc6  2.36-9+deb12u14, and yet another file: sha256 111111111111... -> 999999999999...
  - libextra++1  1:1.0~rc1-2+b1
  ~ served  4.4-1 -> 4.5-1
  + served-common  4.4-1

files: 1 added, 1 removed, 1 changed
  - /usr/lib/libextra++.so.1  file of 100 bytes 0755 0:0 from libextra++1
  ~ /usr/sbin/served  content (3000 -> 4000 bytes)
  + /var/lib/served/state  file of 7 bytes 0600 177:177

size  5400 -> 6307 bytes (+907)`);
});

it("backwards it is the same with the signs exchanged", () => {
  const difference = differences(next, sampleRecord);
  expect(difference.files?.size).toEqual({ before: 6307, after: 5400 });
  expect(difference.packages.filter(({ before }) => before === undefined).map(({ name }) => name)).toEqual([
    "libextra++1",
  ]);
  expect(differenceText(difference).split("\n").at(-1)).toBe("size  6307 -> 5400 bytes (-907)");
});

describe("an entry", () => {
  it.each([
    ["mode and owner", { mode: "4755", owner: "0:1" }, "mode 0755 -> 4755, owner 0:0 -> 0:1"],
    ["content of the same length", { sha256: "f".repeat(64) }, "content (3000 bytes)"],
    [
      "capabilities",
      { xattrs: { "security.capability": "AA==" } },
      "extended attributes security.capability=AQAAAgAgAAAAAAAAAAAAAAAAAAA= -> security.capability=AA==",
    ],
    [
      "another kind of thing",
      { kind: "symlink", target: "other" } as const,
      "file of 3000 bytes 0755 0:0 from served -> link to other 0755 0:0 from served",
    ],
  ])("that differs in %s", (_, change, told) => {
    const after = sampleWith("/usr/sbin/served", (entry) => ({ ...entry, ...change }));
    expect(lines(after)).toContain(`  ~ /usr/sbin/served  ${told}`);
  });

  it("a link that leads elsewhere", () => {
    expect(lines(sampleWith("/lib", (entry) => ({ ...entry, target: "usr/lib64" })))).toContain(
      "  ~ /lib  target usr/lib -> usr/lib64",
    );
  });

  it("that is there for another reason is the same", () => {
    const after = sampleWith("/usr/lib", (entry) => ({ ...entry, reason: { kind: "recipe" } }));
    expect(text(sampleRecord, after)).toBe("no difference");
  });
});

it.each([
  ["the user", { user: { uid: 0, gid: 0 } }, "  ~ user  177:177 -> 0:0"],
  ["the init", { init: false }, "  ~ init  needed -> not needed"],
  ["the state", { state: [] }, "  - state  /var/lib/served"],
])("%s is configuration", (_, part, told) => expect(lines(withService(part))).toContain(told));

it("the order of ports and capabilities is none", () => {
  expect(isSame(differences(sampleRecord, withService({ capabilities: ["NET_BIND_SERVICE", "NET_RAW"] })))).toBe(true);
});

it("an image and itself", () => {
  expect(text(sampleRecord, sampleRecord)).toBe("no difference");
  expect(differences(sampleRecord, sampleRecord)).toEqual({
    packages: [],
    files: { entries: [], size: { before: 5400, after: 5400 } },
    configuration: [],
  });
});

it("files are not compared where one image has those of a whole system, nor a package file's sum with a header's", () => {
  const based: BuildRecord = {
    ...sampleRecord,
    plan: { ...sampleRecord.plan, kind: "os", family: "debian", base: "base:44", packages: ["served"] },
    packages: sampleRecord.packages.map(({ size: _, ...each }) => ({ ...each, sha256: "0".repeat(64) })),
  };
  expect(text(sampleRecord, based)).toBe(`\
configuration: 1 changed
  ~ kind  scratch, from debian packages -> on base:44

files: not compared, one of the images has those of a whole system`);
});

it("what the images really are is compared, whatever their records say", () => {
  const [before, after] = [imageOf(sampleRecord), imageOf(sampleRecord)];
  const config = {
    ...after.config.config,
    User: "0:0",
    Env: ["LD_PRELOAD=/x.so"],
    Labels: { ...after.config.config?.Labels, run: "podman run IMAGE" },
    ExposedPorts: { "67/udp": {}, "22/tcp": {} },
    Volumes: {},
    WorkingDir: "/root",
    StopSignal: "SIGQUIT",
    Healthcheck: { Test: ["CMD", "true"] },
  };
  const changed = { ...after, config: { ...after.config, config }, annotations: { ...after.annotations, keep: "x" } };
  expect(differenceText(differenceOf(before, changed)).split("\n").slice(0, -2)).toEqual([
    "configuration: 5 added, 1 removed, 3 changed",
    '  + Healthcheck  {"Test":["CMD","true"]}',
    "  + StopSignal  SIGQUIT",
    "  + annotation keep  x",
    "  + env LD_PRELOAD  /x.so",
    "  + label run  podman run IMAGE",
    "  ~ ports  67/udp -> 22/tcp 67/udp",
    "  - state  /var/lib/served",
    "  ~ user  177:177 -> 0:0",
    "  ~ working directory  / -> /root",
  ]);
});

it("no size is compared where none is recorded: that of OS-based images", () => {
  const based = (base: string): BuildRecord => ({
    ...sampleRecord,
    plan: { ...sampleRecord.plan, kind: "os", family: "fedora", base, packages: ["served"] },
  });
  expect(text(based("base:43"), based("base:44"))).toBe("configuration: 1 changed\n  ~ kind  on base:43 -> on base:44");
  expect(differences(based("base:43"), based("base:44")).files).toEqual({ entries: [] });
});
