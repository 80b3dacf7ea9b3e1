import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LookupReport } from "../../src/proof/lookups.ts";
import { buildVariant, configuration, prove, usualChecks, verify } from "../support/proof.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, processesWith, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "buildah", "podman", "runc", "catatonit", "ip", "nsenter", "udhcpc", "apt-get");

const superfluous = [
  '- { path: /usr/share/doc/dhcpd/README, content: "Read me." }',
  '- { path: /usr/share/doc/dhcpd/NEWS, content: "Nothing new." }',
  '- { path: /usr/share/man/dhcpd.8, content: "A page." }',
];

describe.runIf(canServe)("prove", () => {
  let workshop: Workshop;
  beforeAll(async () => {
    workshop = await createWorkshop();
    await workshop.build(["--arch", "all"]);
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  it.each(["x86_64", "aarch64"])("shows that the shipped image for %s needs every entry", async (arch) => {
    const image = `localhost/dhcpd:latest-${arch}`;
    const { certificate, exitCode } = await prove(workshop, image);
    expect(certificate).toMatchObject({ certificateVersion: 1, image: { reference: image, arch }, objections: [] });
    expect(certificate.entries.filter(({ verdict }) => verdict !== "needed")).toEqual([]);
    const leases = certificate.entries.find(({ path }) => path === "/var/lib/dhcpd/dhcpd.leases")!;
    expect(leases.failed![0]).toMatchObject({ check: "a client gets a lease" });
    expect(leases.failed![0]!.because).toMatch(/Can't open lease database/);
    expect(exitCode).toBe(0);
    expect(await workshop.leftovers()).toEqual([]);
    expect(await processesWith(workshop.env.TMPDIR!)).toEqual([]);
  });

  it("finds files that nothing needs, and spends one trial on all of them and one on what else nobody vouches for", async () => {
    const plain = await prove(workshop, await buildVariant(workshop, { name: "plain" }));
    const { certificate, exitCode, stderr } = await prove(
      workshop,
      await buildVariant(workshop, { name: "fat", files: superfluous }),
    );
    const unproven = certificate.entries.filter(({ verdict }) => verdict === "unproven").map(({ path }) => path);
    expect(unproven).toEqual([
      "/usr/share",
      "/usr/share/doc",
      "/usr/share/doc/dhcpd",
      "/usr/share/doc/dhcpd/NEWS",
      "/usr/share/doc/dhcpd/README",
      "/usr/share/man",
      "/usr/share/man/dhcpd.8",
    ]);
    expect(certificate.dispensable).toEqual(["/usr/share"]);
    expect(stderr).toContain("warning: no check needs /usr/share/man/dhcpd.8\n");
    expect(exitCode).toBe(1);
    expect(certificate.trials - plain.certificate.trials).toBeLessThanOrEqual(4);
  });

  it("takes what is there for scanners alone as accepted, with the directories that hold nothing else", async () => {
    const image = await buildVariant(workshop, { name: "scanned", metadata: "dpkg-status-d" });
    const { certificate, exitCode } = await prove(workshop, image);
    const accepted = certificate.entries.filter(({ verdict }) => verdict === "unproven");
    expect(accepted.map(({ path, accepted }) => [path, accepted])).toEqual(
      [
        "/etc",
        "/etc/debian_version",
        "/etc/os-release",
        "/var/lib/dpkg",
        "/var/lib/dpkg/status.d",
        "/var/lib/dpkg/status.d/isc-dhcp-server",
        "/var/lib/dpkg/status.d/libc6",
      ].map((path) => [path, "for scanners: the recipe's metadata"]),
    );
    expect(certificate.objections).toEqual([]);
    expect(exitCode).toBe(0);
  });

  it("prunes: writes the image without what nothing needs, and proves that one", async () => {
    const plain = await buildVariant(workshop, { name: "lean" });
    const fat = await buildVariant(workshop, { name: "heavy", files: superfluous });
    const { certificate, exitCode } = await prove(workshop, fat, "--prune");
    expect(certificate.objections).toEqual([]);
    expect(certificate.image.reference).toMatch(/^localhost\/heavy-pruned:4\.4\.3-P1-x86_64$/);
    expect(certificate.entries.map(({ path }) => path)).toEqual(
      (await prove(workshop, plain)).certificate.entries.map(({ path }) => path),
    );
    expect(exitCode).toBe(0);
    expect((await verify(workshop, "localhost/heavy-pruned:latest-x86_64")).exitCode).toBe(0);
  });

  it.runIf(requireTools("strace", "dpkg-query"))(
    "tells what the service looked for in vain, and what it never opened",
    async () => {
      const image = await buildVariant(workshop, { name: "traced", files: superfluous.slice(2) });
      const { stdout } = await workshop.run(["prove", "--json", "--trace", image]);
      const { lookups } = JSON.parse(stdout) as { lookups: LookupReport };
      expect(lookups.unopened).toEqual(["/usr/share/man/dhcpd.8"]);
      expect(lookups.missing.map(({ path }) => path)).toEqual(
        expect.arrayContaining(["/etc/nsswitch.conf", "/etc/services", "/etc/localtime"]),
      );
      expect(await workshop.leftovers()).toEqual([]);
    },
  );

  it("takes the recipe's word for what it accepts, unless that is needed", async () => {
    const unproven = ['- { path: /usr/share, reason: "The licence wants it." }'];
    const accepted = await prove(
      workshop,
      await buildVariant(workshop, { name: "kept", files: superfluous, unproven }),
    );
    expect(accepted.certificate.objections).toEqual([]);
    expect(accepted.exitCode).toBe(0);
    const wrong = ["- { path: /usr/sbin/dhcpd, reason: just in case }"];
    const refused = await prove(workshop, await buildVariant(workshop, { name: "wrong", unproven: wrong }));
    expect(refused.certificate.objections).toEqual([
      "the recipe accepts /usr/sbin/dhcpd as unproven, and it is needed",
    ]);
    expect(refused.exitCode).toBe(1);
  });

  it("tells which check proves nothing that another one does not prove", async () => {
    const version = `- { name: it knows its version, run: [/usr/sbin/dhcpd, --version] }`;
    const image = await buildVariant(workshop, { name: "weak", checks: [version, ...usualChecks.slice(1)] });
    const { certificate } = await prove(workshop, image);
    expect(certificate.checks).toMatchObject([
      { check: "it knows its version", weakness: "'it serves' fails wherever it does" },
      { check: "it serves" },
    ]);
    expect(certificate.checks[1]!.weakness).toBeUndefined();
  });

  it("shows how little a weak check alone proves", async () => {
    const image = await buildVariant(workshop, {
      name: "weaker",
      checks: [`- { name: it reads, files: ${configuration}, run: [/usr/sbin/dhcpd, -t, -cf, /etc/dhcp/dhcpd.conf] }`],
    });
    const { certificate } = await prove(workshop, image);
    expect(certificate.objections).toContain("no check needs /var/lib/dhcpd/dhcpd.leases");
  });

  it("refuses an image that fails its checks as it is", async () => {
    const image = await buildVariant(workshop, { name: "stolen", leaseOwner: "0:0" });
    const { exitCode, stdout, stderr } = await workshop.run(["prove", image]);
    expect(stderr).toMatch(
      /error: cannot prove localhost\/stolen:latest-x86_64: with all its files 'it serves' fails: .*Permission denied/,
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  });

  it.each([
    ["SIGINT", "while networks are made", "ip -batch", 130],
    ["SIGTERM", "while a view is mounted", "mount -t overlay", 143],
    ["SIGTERM", "while sandboxes run", "run --bundle", 143],
    ["SIGINT", "while the client asks", "udhcpc", 130],
    ["SIGHUP", "while the client asks", "udhcpc", 129],
    ["SIGQUIT", "while sandboxes run", "run --bundle", 131],
  ] as const)("interrupted by %s %s leaves nothing behind", async (signal, _, said, code) => {
    const { exitCode, stderr } = await workshop.run(["--verbose", "prove", "localhost/dhcpd:latest-x86_64"], {
      interrupt: { signal, when: (soFar) => soFar.includes(said) },
    });
    expect(exitCode, stderr).toBe(code);
    expect(await workshop.leftovers()).toEqual([]);
    expect(await processesWith(workshop.env.TMPDIR!)).toEqual([]);
  });
});
