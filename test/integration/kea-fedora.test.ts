import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesOf } from "../support/fedora.ts";
import { sayOnce } from "../support/kea.ts";
import { prove, verify } from "../support/proof.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "podman", "runc", "catatonit", "ip", "nsenter", "udhcpc");
const base = "localhost/standin-dnf5:44";
const programs = ["kea-dhcp4", "kea-dhcp6", "kea-dhcp-ddns"];
const scratch = (program: string, arch = "x86_64") => `localhost/${program}:latest-${arch}`;
const based = "localhost/kea-dhcp4-fedora:latest-x86_64";

describe.runIf(canServe && requireTools(...standInTools, "buildah", "skopeo"))("Kea of RPM packages", () => {
  let workshop: Workshop;
  const buildScratch = (program: string, arch: string) =>
    workshop.build(["--recipe", program, "--from", "fedora", "--builder", base, "--arch", arch]);

  beforeAll(async () => {
    const world = await standIn();
    workshop = await createWorkshop();
    await loadBase(world.base.dnf5, base, workshop.store.env);
    const ended = await workshop.run(["fedora", "--recipe", "kea-dhcp4", "--base", base, "--arch", "x86_64"]);
    expect(ended).toMatchObject({ exitCode: 0 });
    for (const program of programs) await buildScratch(program, "x86_64");
  }, 900_000);
  afterAll(() => workshop?.[Symbol.asyncDispose]());

  it.each([based, scratch("kea-dhcp6"), scratch("kea-dhcp-ddns")])("nothing is wrong with %s", async (image) => {
    const { findings, exitCode } = await verify(workshop, image);
    expect(findings.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(exitCode).toBe(0);
  });

  it("what the package keeps for a user of its own is the service's", async () => {
    const files = await filesOf(based, workshop.store);
    expect(files.filter((file) => file.path.startsWith("/var/lib/kea/"))).toEqual(
      [4, 6].map((family) => ({
        ...{ mode: "-rw-r-----", owner: "767/767", size: 0 },
        path: `/var/lib/kea/kea-leases${family}.csv`,
      })),
    );
  });

  it("nothing is wrong with the scratch image, and it gives the OS-based one's answers to all that a client can say", async () => {
    const { findings, exitCode } = await verify(workshop, scratch("kea-dhcp4"), based);
    expect(findings.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(findings.map(({ name }) => name)).toContain(`a client gets a lease, and all answers are those of ${based}`);
    expect(exitCode).toBe(0);
  });

  it("no file of the scratch image can be missing", async () => {
    const { certificate, exitCode } = await prove(workshop, scratch("kea-dhcp4"));
    expect(certificate.entries.filter(({ verdict }) => verdict !== "needed")).toEqual([]);
    expect(certificate.entries.map((entry) => entry.path)).toEqual(
      expect.arrayContaining(["/usr/bin/kea-lfc", "/usr/lib64/kea/hooks/libdhcp_ha.so", "/usr/sbin"]),
    );
    expect(exitCode).toBe(0);
  });

  it("it runs for aarch64: it tells its version and tests a configuration", async () => {
    await buildScratch("kea-dhcp4", "aarch64");
    const say = (...words: readonly string[]) =>
      sayOnce(
        workshop,
        scratch("kea-dhcp4", "aarch64"),
        '{"Dhcp4": {"subnet4": [{"subnet": "192.0.2.0/24"}]}}',
        ...words,
      );
    expect(await say("-v")).toContain("2.2.0");
    await say("-t", "/tmp/conf");
  });

  it("leave nothing behind", async () => {
    expect(await workshop.leftovers()).toEqual([]);
  });
});
