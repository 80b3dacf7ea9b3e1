import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addQuadletCommand } from "../../src/commands/quadlet.ts";
import { parsePodmanVersion } from "../../src/deploy/podman.ts";
import { quadletUnit, type Unit, type UnitRequest } from "../../src/deploy/quadlet.ts";
import { type ImagePlan, planImages, type Service } from "../../src/plan/plan.ts";
import { loadRecipe } from "../../src/recipe/load.ts";
import { recordText } from "../../src/report/record-text.ts";
import { Failure } from "../../src/system/errors.ts";
import { CommandFailure, type Run } from "../../src/system/run.ts";
import { sampleRecord } from "../report/sample.ts";
import { runVerb } from "../support/context.ts";

const { recipe } = await loadRecipe("dhcpd");
const [plan] = planImages(recipe, { kind: "scratch", arches: ["x86_64"], hostArch: "x86_64", hostFamily: "debian" })
  .images as [ImagePlan];
const image = "localhost/dhcpd:latest-x86_64";
const plain = { image, interfaces: [], template: false, notify: false, user: false } as const;

function unitOf(podman: string, request: Partial<UnitRequest> = {}, service: Partial<Service> = {}): Unit {
  const odd = { ...plan, service: { ...plan.service, ...service } };
  return quadletUnit(odd, { ...plain, ...request, podman: parsePodmanVersion(podman) });
}

function sentenceOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "usage") throw error;
    return error.message;
  }
}

describe("the whole unit", () => {
  it.each<[string, string, Partial<UnitRequest>]>([
    ["podman-4.4", "4.4", { interfaces: ["eth0"] }],
    ["podman-4.5", "4.5", {}],
    ["podman-5.4", "5.4", { interfaces: ["eth0", "eth1"], image: "r.example/dhcpd:latest" }],
    ["podman-5.4-template", "5.4.2", { template: true, notify: true }],
  ])("%s", async (name, podman, request) => {
    await expect(unitOf(podman, request).text).toMatchFileSnapshot(`../fixtures/units/${name}.container`);
  });

  it("of a template is named so", () => {
    expect([unitOf("5.0").name, unitOf("5.0", { template: true }).name]).toEqual([
      "dhcpd.container",
      "dhcpd@.container",
    ]);
  });
});

describe("a line of the unit", () => {
  it.each<[string, string, Partial<UnitRequest>, Partial<Service>, string | RegExp]>([
    ["knows no health check before podman 4.5", "4.4", {}, {}, "\n# Unknown to this podman: HealthCmd=["],
    ["is a label for updates before podman 4.6", "4.5", {}, {}, "\nLabel=io.containers.autoupdate=local\n"],
    ["updates a local image from the store", "4.6", {}, {}, "\nAutoUpdate=local\n"],
    ["updates any other from its registry", "4.6", { image: "r.example/a:1" }, {}, "\nAutoUpdate=registry\n"],
    ["lets systemd wait only when told to", "5.4", { notify: true }, {}, "\nNotify=true\n"],
    ["is started by an ordinary user's systemd at log-in", "5.4", { user: true }, {}, "\nWantedBy=default.target\n"],
    ["asks for an init where the program needs one", "5.4", {}, { init: true }, "\nRunInit=true\n"],
    ["mounts the configuration read-only", "5.4", {}, { config: ["/etc/a"] }, "\nVolume=/etc/a:/etc/a:ro,z\n"],
    ["keeps the state in a named volume", "5.4", {}, { state: ["/var/a"] }, "\nVolume=dhcpd-var-a:/var/a\n"],
    ["tells /a-b from /a/b", "5.4", {}, { state: ["/a-b", "/a/b"] }, "=dhcpd-a--b:/a-b\nVolume=dhcpd-a-b:/a/b\n"],
    ["names a volume in its letters", "5.4", {}, { state: ["/é@"] }, "\nVolume=dhcpd-_c3_a9_40:/é@\n"],
  ])("%s", (_, podman, request, service, line) => {
    expect(unitOf(podman, request, service).text).toContain(line);
  });

  it.each<[string, string, Partial<UnitRequest>, Partial<Service>, RegExp]>([
    ["no target that a user's systemd has not", "5.4", { user: true }, {}, /network-online|multi-user/],
    ["no update of a digest", "5.4", { image: `a@sha256:${"0".repeat(64)}` }, {}, /^(AutoUpdate|Label)/m],
    ["no notification unless told so", "5.4", {}, {}, /^Notify/m],
    ["no init where none is needed", "5.4", {}, { init: false }, /^RunInit/m],
    ["no arguments where the image's own do", "5.4", {}, {}, /^Exec/m],
    ["no published port, which a host's network has anyway", "5.4", {}, {}, /^PublishPort/m],
  ])("says nothing of it: %s", (_, podman, request, service, line) => {
    expect(unitOf(podman, request, service).text).not.toMatch(line);
  });
});

describe("a word of the command is written so that systemd reads it back", () => {
  it.each([
    ["-cf", "-cf"],
    ["/etc/x:y=z,w@v", "/etc/x:y=z,w@v"],
    ["a b", '"a b"'],
    ["100%n", "100%%n"],
    ["$HOME", "$$HOME"],
    ['q"\\', '"q\\"\\\\"'],
    ["a\nb\tc", '"a\\x0ab\\x09c"'],
    ["a;b", '"a;b"'],
    ["é", '"é"'],
  ])("%j as %s", (word, written) => {
    const { text } = unitOf("5.4", { interfaces: ["eth0"] }, { command: ["/x", word] });
    expect(text).toContain(`\nExec=${written} eth0\n`);
  });

  it.each(["", ";"])("%j is refused, for Quadlet loses it", (word) => {
    const unit = () => unitOf("5.4", { interfaces: ["eth0"] }, { command: ["/x", word] });
    expect(sentenceOf(unit)).toBe(
      `cannot write the word '${word}' of the service's command into a unit: Quadlet loses it`,
    );
  });
});

describe("what cannot be a unit", () => {
  it.each<[string, Partial<UnitRequest>, string]>([
    ["4.3", {}, "cannot write units for podman 4.3: Quadlet came with podman 4.4"],
    ["5", {}, "cannot write units for podman '5': that is no version"],
    ["newest", {}, "cannot write units for podman 'newest': that is no version"],
    ["4.9", { template: true }, "cannot write a template unit: podman has them from 5.0 on"],
    ["5.4", { template: true, interfaces: ["a"] }, "cannot write a template unit for named interfaces"],
    ["5.4", { interfaces: ["-i"] }, "cannot serve the interface '-i': that is no interface's name"],
    ["5.4", { interfaces: ["a/b"] }, "cannot serve the interface 'a/b': that is no interface's name"],
    [
      "5.4",
      { interfaces: ["x".repeat(16)] },
      `cannot serve the interface '${"x".repeat(16)}': that is no interface's name`,
    ],
  ])("podman %s with %j", (podman, request, sentence) => {
    expect(sentenceOf(() => unitOf(podman, request))).toBe(sentence);
  });
});

describe("the verb", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "quadlet-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** A machine with this podman, if any, and with this image in its store, if any. */
  const machine =
    (version: string | undefined, record: string | undefined): Run =>
    async ([program, ...args]) => {
      if (program === "podman" && version !== undefined) return version;
      if (program === "buildah" && record !== undefined)
        return JSON.stringify({
          FromImageID: "0".repeat(64),
          Config: JSON.stringify({ architecture: "amd64", history: [{ created_by: record }] }),
          Manifest: "{}",
        });
      const stderr = "image not known";
      throw new CommandFailure([program, ...args], { reason: "exit code 125", stderr, notFound: program === "podman" });
    };
  const quadlet = async (args: readonly string[], version?: string, record?: string) => {
    const { stdout, notes } = await runVerb(
      addQuadletCommand,
      ["quadlet", "-a", "x86_64", ...args],
      machine(version, record),
    );
    return { text: `${stdout.join("\n")}\n`, notes };
  };
  const unknown = (name: string) =>
    `${name} is not in local storage, so the unit does not wait for readiness (override with --notify)`;

  it("prints the unit for this host's podman", async () => {
    expect(await quadlet([], "4.5.1")).toEqual({ text: unitOf("4.5").text, notes: [unknown(image)] });
  });

  it.each([["4.3.1"], [undefined]])("prints it for podman 5.4 where this host has %s", async (version) => {
    const { text, notes } = await quadlet([], version);
    expect(text).toBe(unitOf("5.4").text);
    expect(notes).toEqual([
      "the unit is for podman 5.4 because this host has no podman with Quadlet (override with --podman)",
      unknown(image),
    ]);
  });

  it("takes the interfaces, the image and the podman that are asked for", async () => {
    const options = ["--interface", "eth0", "--interface", "eth1", "--image", "r.example/a:1", "--podman", "4.4"];
    const request = { interfaces: ["eth0", "eth1"], image: "r.example/a:1" };
    expect((await quadlet(options)).text).toBe(unitOf("4.4", request).text);
  });

  const needing = (soname: string, name = "dhcpd") =>
    recordText({
      ...sampleRecord,
      plan: { ...sampleRecord.plan, recipe: name },
      entries: [
        {
          path: "/usr/lib/x",
          kind: "file",
          mode: "0755",
          owner: "0:0",
          reason: { kind: "needed", soname, rule: "cache", by: ["/usr/sbin/x"] },
        },
      ],
    });

  it.each([
    ["tag", image],
    ["digest", `r.example/a@sha256:${"0".repeat(64)}`],
  ])("lets systemd wait where the record of an image by its %s has libsystemd in the closure", async (_, name) => {
    const options = ["--image", name, "--podman", "5.4"];
    const talking = await quadlet(options, undefined, needing("libsystemd.so.0"));
    expect(talking).toEqual({ text: unitOf("5.4", { image: name, notify: true }).text, notes: [] });
    const silent = await quadlet(options, undefined, needing("libc.so.6"));
    expect(silent).toEqual({ text: unitOf("5.4", { image: name }).text, notes: [] });
  });

  it("does what it is told about that, whatever the record says", async () => {
    const told = await quadlet(["--podman", "5.4", "--no-notify"], undefined, needing("libsystemd.so.0"));
    expect(told).toEqual({ text: unitOf("5.4").text, notes: [] });
    expect((await quadlet(["--podman", "5.4", "--notify"])).text).toBe(unitOf("5.4", { notify: true }).text);
  });

  it("refuses an image of another service", async () => {
    const options = ["--image", "echo:1", "--podman", "5.4"];
    await expect(quadlet(options, undefined, needing("libc.so.6", "echo"))).rejects.toMatchObject({
      message: "cannot write a unit of dhcpd for localhost/echo:1: it is an image of echo",
      hint: "write its own unit with: dhcpd-build quadlet --recipe echo --image localhost/echo:1",
      kind: "usage",
    });
    await expect(quadlet(options, undefined, "")).rejects.toThrow("cannot explain image localhost/echo:1");
  });

  it.each([
    ["echo", "localhost/echo:latest-x86_64"],
    ["echo:1", "localhost/echo:1"],
    ["localhost/echo", "localhost/echo:latest-x86_64"],
    ["r.example:5000/echo", "r.example:5000/echo"],
  ])("runs for --image %s the image %s", async (asked, image) => {
    const { text } = await quadlet(["--image", asked, "--podman", "5.4"]);
    expect(text).toBe(unitOf("5.4", { image }).text);
  });

  it("asks for a static address only if the service gives leases", async () => {
    const file = path.join(directory, "no-lease.yaml");
    await writeFile(file, JSON.stringify({ ...recipe, checks: [] }));
    const { text } = await quadlet(["--recipe", file, "--podman", "5.4"]);
    expect(text.startsWith("[Unit]\n")).toBe(true);
  });

  it("writes the unit of a recipe that has an OS-based image alone", async () => {
    const file = path.join(directory, "os.yaml");
    const { scratch: _, ...rest } = recipe;
    await writeFile(file, JSON.stringify(rest));
    const { text } = await quadlet(["--recipe", file, "--podman", "5.4"]);
    expect(text).toBe(unitOf("5.4", { image: "localhost/dhcpd-fedora:latest-x86_64" }).text);
  });

  it.each([
    [["--dry-run"], "cannot use --dry-run: nothing is installed"],
    [["--force"], "cannot use --force: nothing is installed"],
    [["-a", "all"], "cannot write one unit for several architectures"],
    [["--butane"], "cannot write the static address of the served interface"],
    [["--butane", "--interface", "eth0"], "cannot write the static address of the served interface"],
    [["--address", "192.0.2.1/24"], "cannot use --address: only a Butane configuration contains the address"],
    [["--arch", "riscv64"], "cannot use the architecture 'riscv64': it is not known"],
    [["--image", "-x"], "cannot use --image '-x': that is no image name"],
  ])("refuses %j", async (args, sentence) => {
    await expect(quadlet(["--podman", "5.4", ...args])).rejects.toThrow(sentence);
  });
});
