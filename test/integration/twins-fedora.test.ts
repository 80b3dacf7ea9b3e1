import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prove, verify } from "../support/proof.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "podman", "runc", "catatonit", "ip", "nsenter", "udhcpc");
const base = "localhost/standin-dnf5:44";

describe.runIf(canServe && requireTools(...standInTools, "buildah"))("the two images of one recipe", () => {
  let workshop: Workshop;
  const scratch = "localhost/small:latest-x86_64";
  const full = "localhost/full:latest-x86_64";
  beforeAll(async () => {
    const world = await standIn();
    workshop = await createWorkshop();
    await loadBase(world.base.dnf5, base, workshop.store.env);
    const common = ["--arch", "x86_64", "--name"];
    for (const args of [
      ["scratch", "--from", "fedora", "--builder", base, ...common, "localhost/small"],
      ["fedora", "--base", base, ...common, "localhost/full"],
    ]) {
      const { exitCode, stderr } = await workshop.run(args);
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
    }
  }, 900_000);
  afterAll(() => workshop?.[Symbol.asyncDispose]());

  it("the OS-based one passes every check", async () => {
    const { findings, exitCode } = await verify(workshop, full);
    expect(findings.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(exitCode).toBe(0);
  });

  it("give the same answers to everything that a client can say", async () => {
    const { findings, exitCode } = await verify(workshop, scratch, full);
    expect(findings.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(findings.map(({ name }) => name)).toContain(`a client gets a lease, and all answers are those of ${full}`);
    expect(exitCode).toBe(0);
  });

  it("the scratch one is proved within half a minute, whatever its verdicts are", async () => {
    const { certificate } = await prove(workshop, scratch);
    expect(certificate.entries.filter(({ verdict }) => verdict === "needed").length).toBeGreaterThan(20);
    expect(certificate.milliseconds).toBeLessThan(30_000);
  });
});
