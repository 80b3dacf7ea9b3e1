import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startMariadb, startPostgres } from "../support/database.ts";
import { createNetwork, type Network, requestLease } from "../support/dhcp.ts";
import { createPlaces, dhcp4, serveKea, waitForLog } from "../support/kea.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "buildah", "podman", "runc", "ip", "nsenter", "udhcpc", "kea-admin", "apt-get");

const reservedInPostgres = (hardware: string) =>
  "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address) " +
  `VALUES (decode('${hardware}', 'hex'), 0, 1, '192.0.2.77'::inet - '0.0.0.0'::inet)`;
const reservedInMariadb = (hardware: string) =>
  "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address) " +
  `VALUES (UNHEX('${hardware}'), 0, 1, INET_ATON('192.0.2.77'))`;

describe.runIf(canServe && requireTools("psql", "mariadbd", "mariadb-install-db"))(
  "kea-dhcp4 and a real database",
  () => {
    let workshop: Workshop;
    beforeAll(async () => {
      workshop = await createWorkshop();
      await workshop.build(["--recipe", "kea-dhcp4", "--from", "debian", "--arch", "x86_64"]);
    });
    afterAll(() => workshop[Symbol.asyncDispose]());

    it.each([
      ["PostgreSQL", startPostgres, reservedInPostgres],
      ["MariaDB", startMariadb, reservedInMariadb],
    ])("%s holds its reservations and its leases", async (name, start, reserved) => {
      await using network = await createNetwork("192.0.2.1/24");
      await using database = await start(network.atServer);
      await database.query(reserved(await hardwareOf(network)));
      const config = dhcp4({ "lease-database": database.access, "hosts-databases": [database.access] });
      await using server = await serveKea(workshop, network, "kea-dhcp4", config, await createPlaces(workshop, name));
      await waitForLog(server, "DHCP4_STARTED");
      expect((await requestLease(network)).address).toBe("192.0.2.77");
      const addressed = "SELECT count(*) FROM lease4 WHERE address = (SELECT ipv4_address FROM hosts)";
      expect((await database.query(addressed)).trim()).toBe("1");
    });
  },
);

/** The address of the client's end, as a database wants it. */
async function hardwareOf(network: Network): Promise<string> {
  const [link] = JSON.parse(await run(network.atClient(["ip", "-json", "link", "show", "eth0"])));
  return (link as { address: string }).address.replaceAll(":", "");
}
