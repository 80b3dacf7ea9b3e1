import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startMariadb, startPostgres } from "../support/database.ts";
import { createNetwork, hardwareOf, requestLease } from "../support/dhcp.ts";
import { createPlaces, dhcp4, serveKea, waitForLog } from "../support/kea.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "buildah", "podman", "runc", "ip", "nsenter", "udhcpc", "kea-admin", "apt-get");

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
      ["PostgreSQL", startPostgres],
      ["MariaDB", startMariadb],
    ])("%s holds its reservations and its leases", async (name, start) => {
      await using network = await createNetwork("192.0.2.1/24");
      await using database = await start(network.atServer);
      await database.reserve("192.0.2.77", await hardwareOf(network));
      const config = dhcp4({ "lease-database": database.access, "hosts-databases": [database.access] });
      await using server = await serveKea(workshop, network, "kea-dhcp4", config, await createPlaces(workshop, name));
      await waitForLog(server, "DHCP4_STARTED");
      expect((await requestLease(network)).address).toBe("192.0.2.77");
      expect(await database.leasesOfReserved()).toBe(1);
    });
  },
);
