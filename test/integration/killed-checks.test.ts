import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandFailure } from "../../src/system/run.ts";
import type { Ended } from "../support/cli.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, processesWith, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "buildah", "podman", "runc", "catatonit", "ip", "nsenter", "udhcpc", "apt-get");

describe.runIf(canServe)("checks", () => {
  let workshop: Workshop;
  const image = "localhost/dhcpd:latest-x86_64";
  beforeAll(async () => {
    workshop = await createWorkshop();
    await workshop.build(["--arch", "x86_64"]);
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  it("killed at any moment, leave nothing that clean does not take, store mounts and containers included", async () => {
    const random = randomNumbers(20_261_125);
    for (let kill = 0; kill < 8; kill++) {
      const verb = kill % 2 === 0 ? "verify" : "prove";
      const after = 400 + 4_000 * random();
      const killed = await workshop.run(["--verbose", verb, image], {
        interrupt: { signal: "SIGKILL", when: (soFar) => soFar !== "", after },
      });
      const { exitCode, stderr } = await workshop.run(["clean"]);
      expect(exitCode, stderr).toBe(0);
      expect(
        await everythingLeft(workshop, nameOf(killed)),
        `${verb} killed after ${after} ms\n${killed.stderr}`,
      ).toEqual([]);
    }
  });

  it("a mount and a container of the user's own outlive the kill and clean", async () => {
    const { env } = workshop.store;
    await run(["podman", "create", "--name", "mine", image], { env });
    const mount = await run(["podman", "image", "mount", image], { env });
    const reader = spawn("sleep", ["1000"], { env: { ...process.env, NAME: "dhcpd-build-999999999-1-0123abcd" } });
    await workshop.run(["--verbose", "verify", image], {
      interrupt: { signal: "SIGKILL", when: (soFar) => soFar.includes("udhcpc") },
    });
    await workshop.run(["clean"]);
    expect(existsSync(`${mount}/usr/sbin/dhcpd`)).toBe(true);
    expect(await run(["podman", "ps", "--all", "--format", "{{.Names}}"], { env })).toBe("mine");
    expect(reader.exitCode).toBeNull();
    reader.kill();
    await run(["podman", "image", "unmount", image], { env });
    await run(["podman", "rm", "mine"], { env });
  });

  it.each(["a b", "a,b", "a:b", "a\nb", "ü", `a"b'c\\d`])("work with the temporary directory %j", async (name) => {
    const directory = path.join(workshop.env.TMPDIR!, name);
    await mkdir(directory);
    const env = { TMPDIR: directory };
    const verified = await workshop.run(["verify", image], { env });
    expect(verified.exitCode, verified.stdout + verified.stderr).toBe(0);
    const proved = await workshop.run(["prove", image], { env });
    expect(proved.stderr).toMatch(/entries are needed/);
    await workshop.run(["--verbose", "prove", image], {
      env,
      interrupt: { signal: "SIGKILL", when: (soFar) => soFar.includes("udhcpc") },
    });
    expect((await workshop.run(["clean"], { env })).exitCode).toBe(0);
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });
});

/** What all names of a run begin with, by what it has printed. */
function nameOf({ stderr }: Ended): string {
  return /dhcpd-build-\d+-\d+-/.exec(stderr)?.[0] ?? "dhcpd-build-none";
}

/** Containers, volumes, mounts, control groups, processes and files of runs that are over. */
async function everythingLeft(workshop: Workshop, killed: string): Promise<readonly string[]> {
  const { env } = workshop.store;
  const listed = await Promise.all([
    run(["podman", "ps", "--all", "--external", "--format", "{{.Names}}"], { env }),
    run(["podman", "volume", "ls", "--format", "{{.Name}}"], { env }),
    run(["find", "/sys/fs/cgroup", "-type", "d", "-name", `${killed}*`]).catch((error: CommandFailure) => error.stdout),
  ]);
  const running = (await processesWith(workshop.env.TMPDIR!)).map(String);
  return [...listed.flatMap((text) => text.split("\n")), ...running, ...(await workshop.leftovers())].filter(Boolean);
}

/** Numbers between 0 and 1, the same for the same seed: the generator of POSIX's rand(3). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
