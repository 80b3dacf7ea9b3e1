import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Spdx } from "../../src/report/spdx.ts";
import { createNetwork, requestLease } from "../support/dhcp.ts";
import { askKea, createPlaces, dhcp4, eventually, sayOnce, serveKea, textOf, waitForLog } from "../support/kea.ts";
import { prove, verify } from "../support/proof.ts";
import { run } from "../support/run.ts";
import { createSegment } from "../support/segment.ts";
import { pySpdxComplaints, spdxTools } from "../support/spdx-tools.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "buildah", "podman", "runc", "ip", "nsenter", "udhcpc", "dhclient", "apt-get");
/** Kea's version, and how its programs are asked for it and have a configuration tested. */
const asked = ["2.2.0", ["-v"], ["-t", "/tmp/conf"]] as const;
const recipes = ["dhcpd6", "kea-dhcp4", "kea-dhcp6", "kea-dhcp-ddns", "kea-ctrl-agent"];

describe.runIf(canServe)("the shipped recipes of IPv6 and of Kea", () => {
  let workshop: Workshop;
  beforeAll(async () => {
    workshop = await createWorkshop();
    for (const recipe of recipes) await workshop.build(["--recipe", recipe, "--from", "debian", "--arch", "x86_64"]);
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  it.each(recipes)("nothing is wrong with %s", async (recipe) => {
    const { findings, exitCode } = await verify(workshop, `localhost/${recipe}:latest-x86_64`);
    expect(findings.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(findings.length).toBeGreaterThan(5);
    expect(exitCode).toBe(0);
  });

  it.each(recipes)("every file, link and directory of %s is needed", async (recipe) => {
    const { certificate } = await prove(workshop, `localhost/${recipe}:latest-x86_64`);
    expect(certificate.entries.filter(({ verdict }) => verdict !== "needed")).toEqual([]);
    expect(certificate.entries.length).toBeGreaterThan(10);
  });

  it.runIf(requireTools(...spdxTools))(
    "SPDX's own validator accepts a bill of materials with licences that SPDX does not know, and wants each explained",
    async () => {
      const { stdout } = await workshop.run(["sbom", "--format", "spdx", "localhost/kea-dhcp4:latest-x86_64"]);
      expect(await pySpdxComplaints(stdout)).toBe("");
      const { hasExtractedLicensingInfos: [first, ...others] = [], ...rest } = JSON.parse(stdout) as Spdx;
      expect(await pySpdxComplaints(JSON.stringify({ ...rest, hasExtractedLicensingInfos: others }))).toContain(
        `Unrecognized license reference: ${first?.licenseId}.`,
      );
    },
  );

  it.each([
    ["dhcpd6", "subnet6 2001:db8::/64 {}", "isc-dhcpd-4.4.3-P1", ["--version"], ["-6", "-t", "-cf", "/tmp/conf"]],
    ["kea-dhcp4", '{"Dhcp4": {"subnet4": [{"id": 1, "subnet": "192.0.2.0/24"}]}}', ...asked],
    ["kea-dhcp6", '{"Dhcp6": {"subnet6": [{"id": 1, "subnet": "2001:db8::/64"}]}}', ...asked],
    ["kea-dhcp-ddns", '{"DhcpDdns": {"tsig-keys": [], "forward-ddns": {}, "reverse-ddns": {}}}', ...asked],
    ["kea-ctrl-agent", '{"Control-agent": {"http-host": "127.0.0.1", "http-port": 8000}}', ...asked],
  ] as const)(
    "%s runs for aarch64: it tells its version and tests a configuration",
    async (recipe, text, version, tell, test) => {
      await workshop.build(["--recipe", recipe, "--from", "debian", "--arch", "aarch64"]);
      const image = `localhost/${recipe}:latest-aarch64`;
      expect(await sayOnce(workshop, image, text, ...tell)).toContain(version);
      await sayOnce(workshop, image, text, ...test);
    },
  );

  it("has its control socket below /var/run, which leads to /run", async () => {
    await using network = await createNetwork("192.0.2.1/24");
    const places = await createPlaces(workshop, "old-name");
    const socket = { "control-socket": { "socket-type": "unix", "socket-name": "/var/run/kea/kea4.sock" } };
    await using server = await serveKea(workshop, network, "kea-dhcp4", dhcp4(socket), places);
    await waitForLog(server, "DHCP4_STARTED");
    expect((await requestLease(network)).address).toMatch(/^192\.0\.2\./);
  });

  it("the lease file is tidied by kea-lfc while the server serves", async () => {
    await using network = await createNetwork("192.0.2.1/24");
    const places = await createPlaces(workshop, "tidied");
    const config = dhcp4({ "lease-database": { type: "memfile", "lfc-interval": 1 } });
    await using server = await serveKea(workshop, network, "kea-dhcp4", config, places);
    await waitForLog(server, "DHCP4_STARTED");
    const { address } = await requestLease(network);
    await waitForLog(server, "DHCPSRV_MEMFILE_LFC_EXECUTE");
    const tidied = await eventually(async () => {
      const text = await textOf(`${places.state}/kea-leases4.csv.2`);
      return text?.includes(address) ? text : undefined;
    });
    expect(tidied?.trim().split("\n")).toHaveLength(2);
  });

  it.runIf(requireTools("curl"))("it is asked and changed through the control agent's REST interface", async () => {
    await using network = await createNetwork("192.0.2.1/24");
    const places = await createPlaces(workshop, "controlled");
    const hooks = { "hooks-libraries": [{ library: "libdhcp_lease_cmds.so" }] };
    await using server = await serveKea(workshop, network, "kea-dhcp4", dhcp4(hooks), places);
    await waitForLog(server, "DHCP4_STARTED");
    const agent = {
      "http-host": "127.0.0.1",
      "http-port": 8000,
      "control-sockets": { dhcp4: { "socket-type": "unix", "socket-name": "/run/kea/kea4.sock" } },
    };
    const agentText = JSON.stringify({ "Control-agent": agent });
    await using rest = await serveKea(workshop, network, "kea-ctrl-agent", agentText, places);
    await waitForLog(rest, "CTRL_AGENT_STARTED");
    const ask = (command: string, args?: object) => askKea(network, { command, service: ["dhcp4"], arguments: args });
    expect(await ask("config-get")).toHaveProperty("arguments.Dhcp4.subnet4.0.subnet", "192.0.2.0/24");

    const { address } = await requestLease(network);
    expect(await ask("lease4-get-all")).toMatchObject({
      result: 0,
      arguments: { leases: [{ "ip-address": address }] },
    });

    const pools = [{ pool: "192.0.2.50 - 192.0.2.50" }];
    const changed = JSON.parse(dhcp4({ ...hooks, subnet4: [{ id: 1, subnet: "192.0.2.0/24", pools }] }));
    expect(await ask("config-set", changed)).toMatchObject({ result: 0 });
    expect((await requestLease(network)).address).toBe("192.0.2.50");
    expect(await ask("config-reload")).toMatchObject({ result: 0 });
    const pool = "arguments.Dhcp4.subnet4.0.pools.0.pool";
    expect(await ask("config-get")).toHaveProperty(pool, "192.0.2.100-192.0.2.200");
  });

  it("of two servers in hot standby one is killed, and the other one lets the client keep its address", async () => {
    await using segment = await createSegment(["192.0.2.1/24", "192.0.2.2/24"]);
    const peers = [
      { name: "one", url: "http://192.0.2.1:8001/", role: "primary", "auto-failover": true },
      { name: "two", url: "http://192.0.2.2:8001/", role: "standby", "auto-failover": true },
    ];
    const config = (name: string) =>
      dhcp4({
        "multi-threading": { "enable-multi-threading": true },
        "hooks-libraries": [
          { library: "libdhcp_lease_cmds.so" },
          {
            library: "libdhcp_ha.so",
            parameters: {
              "high-availability": [
                {
                  "this-server-name": name,
                  mode: "hot-standby",
                  "heartbeat-delay": 300,
                  "max-response-delay": 1000,
                  "max-ack-delay": 500,
                  "max-unacked-clients": 0,
                  "multi-threading": { "enable-multi-threading": true, "http-dedicated-listener": true },
                  peers,
                },
              ],
            },
          },
        ],
      });
    const start = async (name: string, index: number) =>
      serveKea(
        workshop,
        { atServer: segment.servers[index]! },
        "kea-dhcp4",
        config(name),
        await createPlaces(workshop, name),
      );
    const client = { ...segment, atServer: segment.servers[0]! };
    await using one = await start("one", 0);
    await using two = await start("two", 1);
    await Promise.all([one, two].map((server) => waitForLog(server, /HA_STATE_TRANSITION .* to HOT-STANDBY/)));
    const first = await requestLease(client);
    expect(first.server).toBe("192.0.2.1");
    await run(["podman", "kill", one.container], { env: workshop.store.env });
    await waitForLog(two, /HA_STATE_TRANSITION .* to PARTNER-DOWN/);
    const second = await requestLease(client, { address: first.address });
    expect(second).toMatchObject({ server: "192.0.2.2", address: first.address });
  });
});
