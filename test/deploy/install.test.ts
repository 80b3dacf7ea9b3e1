import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { addQuadletCommand } from "../../src/commands/quadlet.ts";
import { type Change, install, planInstallation, unitDirectory } from "../../src/deploy/install.ts";
import { runVerb } from "../support/context.ts";
import { recordingRun } from "../support/run.ts";

const unit = { name: "dhcpd.container", text: "[Container]\nImage=a\n" };
const newer = { ...unit, text: "[Container]\nImage=b\n" };

let directory: string;
let file: string;
beforeEach(async () => {
  directory = path.join(await mkdtemp(path.join(tmpdir(), "install-")), "containers/systemd");
  file = path.join(directory, unit.name);
});
afterEach(() => rm(path.resolve(directory, "../.."), { recursive: true }));

async function installed(from: typeof unit, force = false): Promise<Change> {
  const installation = await planInstallation(from, directory, force);
  await install(installation);
  return installation.change;
}
const content = () => readFile(file, "utf8");

describe("a unit is installed", () => {
  it("where systemd's generator looks", () => {
    expect(unitDirectory(undefined)).toBe("/etc/containers/systemd");
    expect(unitDirectory({ home: "/home/a", config: undefined })).toBe("/home/a/.config/containers/systemd");
    expect(unitDirectory({ home: "/home/a", config: "/c" })).toBe("/c/containers/systemd");
  });

  it("in whole, under a line that is a comment, with the directories it needs and nothing beside it", async () => {
    expect(await installed(unit)).toBe("install");
    expect(await content()).toMatch(/^# Installed by dhcpd-build; [^\n]*[0-9a-f]{64}\n\[Container\]\nImage=a\n$/);
    expect((await stat(file)).mode & 0o777).toBe(0o644);
    expect(await readdir(directory)).toEqual([unit.name]);
  });

  it("once", async () => {
    await installed(unit);
    expect(await installed(unit)).toBe("keep");
  });

  it("over an older one that nobody changed", async () => {
    await installed(unit);
    expect(await installed(newer)).toBe("update");
    expect(await content()).toContain("Image=b");
  });

  it("not over one that somebody changed, unless forced, and then that one is kept", async () => {
    await installed(unit);
    await writeFile(file, (await content()).replace("Image=a", "Image=mine"));
    await expect(installed(newer)).rejects.toThrow(
      `cannot install ${file}: there is one, and it was changed since dhcpd-build wrote it`,
    );
    expect(await content()).toContain("Image=mine");
    expect(await installed(newer, true)).toBe("replace");
    expect(await content()).toContain("Image=b");
    expect(await readFile(`${file}.old`, "utf8")).toContain("Image=mine");
  });

  it("not over somebody else's", async () => {
    await installed(unit);
    await writeFile(file, "[Container]\nImage=theirs\n");
    await expect(installed(unit)).rejects.toThrow(
      `cannot install ${file}: there is one, and dhcpd-build did not write it`,
    );
    expect(await content()).toBe("[Container]\nImage=theirs\n");
  });

  it("not where a file is in the way of its directory", async () => {
    await writeFile(path.resolve(directory, "../.."), "").catch(() => {});
    await writeFile(path.resolve(directory, ".."), "");
    await expect(installed(unit)).rejects.toThrow(/^cannot install .*: a part of the path is not a directory$/);
  });
});

describe("quadlet --install --user", () => {
  beforeEach(() => {
    vi.stubEnv("XDG_CONFIG_HOME", path.resolve(directory, "../.."));
  });
  afterEach(() => vi.unstubAllEnvs());

  const quadlet = (args: readonly string[]) =>
    runVerb(
      addQuadletCommand,
      ["quadlet", "-a", "x86_64", "--podman", "5.4", "--no-notify", "--install", "--user", ...args],
      recordingRun().run,
    );

  it("prints the place, and says what is left to do", async () => {
    const { stdout, notes } = await quadlet([]);
    expect(stdout).toEqual([file]);
    expect(notes).toEqual([
      `installed ${file}`,
      "a rootless container cannot use NET_RAW, NET_BIND_SERVICE on the host network",
      "next: create /etc/dhcp/dhcpd.conf, which the service needs to start",
      "next: systemctl --user daemon-reload",
      "next: systemctl --user start dhcpd",
    ]);
    expect(await content()).toContain("\nWantedBy=default.target\n");
    expect((await quadlet([])).notes[0]).toBe(`already installed: ${file}`);
  });

  it("--dry-run says it and writes nothing", async () => {
    const { stdout, notes } = await quadlet(["--dry-run", "--template"]);
    const template = path.join(directory, "dhcpd@.container");
    expect(stdout).toEqual([template]);
    expect(notes[0]).toBe(`would be: installed ${template}`);
    expect(notes.at(-1)).toBe("next: systemctl --user start dhcpd@eth0");
    await expect(readdir(directory)).rejects.toThrow("ENOENT");
  });
});
