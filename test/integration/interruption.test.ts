import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, processesWith, type Workshop } from "../support/workshop.ts";

/** Moments of a build by what `--verbose` has said last. */
const moments = [
  ["as the first tool starts", "+ "],
  ["while package lists are fetched", "apt-get update"],
  ["while the container is made", "buildah from"],
  ["while files are added", "buildah add"],
  ["while the image is configured", "buildah config"],
  ["while the image is committed", "buildah commit"],
] as const;

describe.runIf(requireTools("buildah", "apt-get", "dpkg-deb"))("an interrupted build", () => {
  let workshop: Workshop;
  beforeAll(async () => {
    workshop = await createWorkshop();
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  describe.each([
    ["SIGINT", 130],
    ["SIGQUIT", 131],
    ["SIGHUP", 129],
    ["SIGTERM", 143],
  ] as const)("by %s", (signal, exitCode) => {
    it.each(moments)("%s leaves nothing behind", async (_, said) => {
      const {
        stdout,
        stderr,
        exitCode: code,
      } = await workshop.run(["--verbose", "scratch", "--arch", "x86_64", "--force", "--refresh"], {
        interrupt: { signal, when: (soFar) => soFar.includes(said) },
      });
      expect({ stdout, code }).toEqual({ stdout: "", code: exitCode });
      expect(stderr).toContain(`interrupted by ${signal}`);
      expect(await workshop.leftovers()).toEqual([]);
      expect(await processesWith(workshop.env.TMPDIR!)).toEqual([]);
    });
  });

  it("does not harm the next one", async () => {
    expect(await workshop.build(["--arch", "x86_64"])).toHaveLength(1);
  });

  it("that was killed is cleaned up after by clean, which leaves running builds alone", async () => {
    const killed = await workshop.run(["--verbose", "scratch", "--arch", "x86_64", "--force"], {
      interrupt: { signal: "SIGKILL", when: (soFar) => soFar.includes("buildah config") },
    });
    expect(killed.exitCode).toBeUndefined();
    // What it had started ends by itself.
    while ((await processesWith(workshop.store.directory)).length > 0) await sleep(50);
    const left = await workshop.leftovers();
    expect(left.length).toBeGreaterThanOrEqual(2);

    const building = workshop.build(["--arch", "x86_64", "--force"]);
    const { stdout, exitCode } = await workshop.run(["clean"]);
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(left.length);
    await building;
    expect(await workshop.leftovers()).toEqual([]);
  });

  it.runIf(requireTools("root", "mount"))(
    "that was killed with something mounted is cleaned up after, too",
    async () => {
      const left = path.join(workshop.env.TMPDIR!, "dhcpd-build-999999999-1-0123abcd");
      await mkdir(path.join(left, "mounted"), { recursive: true });
      await run(["mount", "-t", "tmpfs", "tmpfs", path.join(left, "mounted")]);
      expect(await workshop.run(["clean"])).toMatchObject({ exitCode: 0, stdout: `${left}\n` });
      expect(existsSync(left)).toBe(false);
    },
  );

  it("has its cache removed on request", async () => {
    const { stdout } = await workshop.run(["clean", "--cache"]);
    expect(stdout).toBe(`${workshop.cache}\n`);
    expect(existsSync(workshop.cache)).toBe(false);
  });
});
