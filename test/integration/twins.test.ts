import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildVariant, verify } from "../support/proof.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "buildah", "podman", "runc", "catatonit", "ip", "nsenter", "udhcpc", "apt-get");

describe.runIf(canServe)("verify --against", () => {
  let workshop: Workshop;
  let image: string;
  beforeAll(async () => {
    workshop = await createWorkshop();
    image = await buildVariant(workshop, { name: "one" });
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  const compared = async (other: string) => {
    const { findings, exitCode } = await verify(workshop, image, other);
    return { exitCode, finding: findings.find(({ name }) => name.includes("all answers are those of"))! };
  };

  it("finds that the same server from another image gives the same answers", async () => {
    const other = await buildVariant(workshop, { name: "twin", package: "isc-dhcp-server-ldap" });
    const { finding, exitCode } = await compared(other);
    expect(finding).toMatchObject({ outcome: "passed" });
    expect(exitCode).toBe(0);
  });

  it("tells in which answer and field a server differs", async () => {
    const other = await buildVariant(workshop, {
      name: "changeling",
      configFile: "/etc/other.conf",
      files: [
        '- { path: /etc/other.conf, content: "option domain-name \\"example.org\\"; ping-check false; subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.199; }" }',
      ],
    });
    const { finding, exitCode } = await compared(other);
    const domain = Buffer.from("example.org").toString("hex");
    expect(finding).toMatchObject({ outcome: "failed", because: expect.stringMatching(/^\d+ answers differ$/) });
    expect(finding.output![0]).toBe(`discover: option 15 is absent here, ${domain} there`);
    expect(exitCode).toBe(1);
    expect(await workshop.leftovers()).toEqual([]);
  });
});
