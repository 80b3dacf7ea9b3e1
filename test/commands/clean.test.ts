import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { addCleanCommand } from "../../src/commands/clean.ts";
import { CommandFailure } from "../../src/system/run.ts";
import { ownName } from "../../src/system/workdir.ts";
import { runVerb } from "../support/context.ts";
import { recordingRun } from "../support/run.ts";

/** Names of a process that ended: there is no process with this number. */
const dead = "dhcpd-build-999999999-1-0123abcd";
/** A container of a check. */
const checked = "dhcpd-build-999999999-1-4567cdef";
const alive = ownName();

let base: string;
let cache: string;

beforeEach(() => {
  removed.length = 0;
  base = mkdtempSync(path.join(tmpdir(), "clean-test-"));
  cache = path.join(base, "cache", "dhcpd-build");
  vi.stubEnv("TMPDIR", base);
  vi.stubEnv("XDG_CACHE_HOME", path.join(base, "cache"));
  for (const name of [dead, alive, "dhcpd-build-notes", `cache/dhcpd-build/${dead}`, "cache/dhcpd-build/derived"]) {
    mkdirSync(path.join(base, name), { recursive: true });
  }
  writeFileSync(path.join(base, dead, "rootfs.tar"), "half");
  writeFileSync(path.join(cache, "derived", `0123.payload.${dead}`), "");
  writeFileSync(path.join(cache, "derived", "0123.payload"), "");
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

/** What `buildah rmi` was told to remove. */
const removed: string[] = [];

const storeWith = (...names: readonly string[]) =>
  recordingRun(([tool, verb, ...args]) => {
    if (verb === "rmi") removed.push(...args);
    // `podman ps --external` lists buildah's working containers, too.
    if (tool === "podman" && verb === "ps") return (names.includes(dead) ? [...names, checked] : names).join("\n");
    if (tool === "podman") return verb === "volume" ? names.join("\n") : undefined;
    if (verb === "images")
      return JSON.stringify(
        names
          .map((name) => ({ id: "0", names: [`localhost/${name}:latest`] }))
          .filter((image) => !removed.includes(image.names[0]!)),
      );
    return verb === "containers" ? JSON.stringify(names.map((containername) => ({ containername }))) : undefined;
  });

it("removes what dead processes left, and nothing of a live one or of somebody else's", async () => {
  const store = storeWith(dead, alive, "alpine-working-container");
  const { stdout, exitCode } = await runVerb(addCleanCommand, ["clean"], store.run);
  expect(stdout).toEqual([
    ...[dead, checked, dead],
    `localhost/${dead}:latest`,
    path.join(base, dead),
    path.join(cache, dead),
    path.join(cache, "derived", `0123.payload.${dead}`),
  ]);
  expect(exitCode).toBe(0);
  // Whatever other killed runs have left on this machine.
  const commands = store.calls.map(({ command }) => command).filter(([program]) => program !== "kill");
  expect(commands).toEqual([
    ["buildah", "containers", "--json"],
    ["podman", "ps", "--all", "--external", "--format", "{{.Names}}"],
    ["buildah", "rm", dead],
    ["podman", "rm", "--force", "--ignore", "--volumes", "--time", "0", checked],
    ["podman", "volume", "ls", "--format", "{{.Name}}"],
    ["podman", "volume", "rm", "--force", dead],
    ["buildah", "images", "--json", "--no-trunc"],
    ["buildah", "rmi", `localhost/${dead}:latest`],
    ["buildah", "images", "--json", "--no-trunc"],
  ]);
  const kept = [alive, "dhcpd-build-notes", "cache/dhcpd-build/derived/0123.payload"];
  expect(kept.filter((name) => !existsSync(path.join(base, name)))).toEqual([]);
});

it("has nothing to do the second time, and says so", async () => {
  await runVerb(addCleanCommand, ["clean"], storeWith().run);
  const { stdout, notes } = await runVerb(addCleanCommand, ["clean"], storeWith().run);
  expect({ stdout, notes }).toEqual({ stdout: [], notes: ["nothing to clean"] });
});

it("--cache removes the downloads too", async () => {
  const { stdout } = await runVerb(addCleanCommand, ["clean", "--cache"], storeWith().run);
  expect(stdout).toEqual([path.join(base, dead), cache]);
  expect(existsSync(cache)).toBe(false);
});

it("cleans the files where buildah and podman are not installed", async () => {
  const { stdout } = await runVerb(addCleanCommand, ["clean"], async (command) => {
    throw new CommandFailure(command, { reason: "it is not installed", notFound: true });
  });
  expect(stdout).toContain(path.join(base, dead));
});

it("says so when buildah fails", async () => {
  const failing = runVerb(addCleanCommand, ["clean"], async (command) => {
    throw new CommandFailure(command, { reason: "exit code 125", exitCode: 125, stderr: "Error: no space left" });
  });
  await expect(failing).rejects.toThrow("cannot run 'buildah containers --json': exit code 125\nError: no space left");
});
