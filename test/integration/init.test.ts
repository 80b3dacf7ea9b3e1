import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

describe.runIf(requireTools("buildah", "apt-get"))("init", () => {
  let workshop: Workshop;
  let directory: string;
  beforeAll(async () => {
    [workshop, directory] = await Promise.all([createWorkshop(), mkdtemp(path.join(tmpdir(), "init-"))]);
  });
  afterAll(async () => {
    await rm(directory, { recursive: true });
    await workshop[Symbol.asyncDispose]();
  });

  it.each([
    ["redis-server", ["/usr/bin/redis-server", "6379/tcp", "state: [/var/lib/redis", "runtime: [/run/redis]"]],
    ["nginx", ["/usr/sbin/nginx", "80/tcp", "NET_BIND_SERVICE", "config: [/etc/nginx/nginx.conf]"]],
    ["dnsmasq", ["/usr/sbin/dnsmasq", "debian: [dnsmasq-base]", "runtime: [/run/dnsmasq]"]],
  ])("writes a recipe for %s that builds", async (name, told) => {
    const { stdout, stderr, exitCode } = await workshop.run(["init", name, "--from", "debian"], { cwd: directory });
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toBe(`${name}.yaml\n`);
    const text = await readFile(path.join(directory, `${name}.yaml`), "utf8");
    for (const part of told) expect(text).toContain(part);
    const images = await workshop.build(["--recipe", `./${name}.yaml`], { cwd: directory });
    expect(images[0]!.files).toBeGreaterThan(5);
  });

  it.each([
    ["a package that is not there", ["no-such-package"], 1, "cannot find package no-such-package"],
    ["what is no name", ["--", "-x"], 2, "cannot look into the package '-x': that is no package's name"],
    ["a file that exists", ["nginx"], 2, "cannot write the recipe nginx.yaml: it already exists"],
  ])("refuses %s with a sentence", async (_, words, code, sentence) => {
    const { stderr, exitCode } = await workshop.run(["init", ...words], { cwd: directory });
    expect(stderr).toContain(`error: ${sentence}`);
    expect(exitCode).toBe(code);
  });
});
