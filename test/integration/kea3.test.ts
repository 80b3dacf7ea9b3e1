import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDirectory } from "../support/cli.ts";
import { startMariadb, startPostgres } from "../support/database.ts";
import { createNetwork, hardwareOf, requestLease } from "../support/dhcp.ts";
import { askKea, createPlaces, dhcp4, sayOnce, serveKea, waitForLog } from "../support/kea.ts";
import { prove, verify } from "../support/proof.ts";
import { openRelease, type Release } from "../support/release.ts";
import { run } from "../support/run.ts";
import { findMirror, unpackDebs } from "../support/standin/debian.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "buildah", "podman", "runc", "ip", "nsenter", "udhcpc", "apt-get", "curl");
const recipes = ["kea-dhcp4", "kea-dhcp4-sql", "kea-dhcp6", "kea-dhcp-ddns", "kea-ctrl-agent"];

describe.runIf(canServe)("the shipped recipes and Kea 3, with the packages of Debian's sid", () => {
  let workshop: Workshop;
  let release: Release;
  /** Where sid's kea-admin is unpacked, and keama, which trixie alone has. */
  let unpacked: string;
  beforeAll(async () => {
    workshop = await createWorkshop();
    const { trixie, sid } = await findMirror(run);
    release = await openRelease(sid);
    unpacked = path.join(workshop.store.directory, "unpacked");
    const names = ["kea-admin", "isc-dhcp-keama"];
    await unpackDebs(run, { source: `${sid}\n${trixie}`, arch: "amd64", names, directory: unpacked });
  });
  afterAll(async () => {
    await release?.[Symbol.asyncDispose]();
    await workshop?.[Symbol.asyncDispose]();
  });
  const build = (recipe: string) =>
    workshop.build(["--recipe", recipe, "--from", "debian", "--arch", "x86_64"], { env: release.env });

  it.each(recipes)("%s is of Kea 3, and nothing is wrong with it", async (recipe) => {
    const [image] = await build(recipe);
    expect(image?.references[0]).toMatch(/:3\.\d+\.\d+-x86_64$/);
    const { findings, exitCode } = await verify(workshop, image!.references[0]!);
    expect(findings.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(findings.length).toBeGreaterThan(5);
    expect(exitCode).toBe(0);
  });

  it("kea-dhcp4-sql needs every file, link and directory that it has", async () => {
    await build("kea-dhcp4-sql");
    const { certificate } = await prove(workshop, "localhost/kea-dhcp4-sql:latest-x86_64");
    expect(certificate.entries.filter(({ verdict }) => verdict !== "needed")).toEqual([]);
    expect(certificate.entries.length).toBeGreaterThan(90);
  });

  it("kea-dhcp4-sql runs for aarch64: it tells its version and tests a configuration with both databases' hooks", async () => {
    const args = ["--recipe", "kea-dhcp4-sql", "--from", "debian", "--arch", "aarch64"];
    await workshop.build(args, { env: release.env });
    const hooks = ["libdhcp_mysql.so", "libdhcp_pgsql.so"].map((library) => ({ library }));
    const text = dhcp4({ "hooks-libraries": hooks, "interfaces-config": { interfaces: ["*"] } });
    const image = "localhost/kea-dhcp4-sql:latest-aarch64";
    expect(await sayOnce(workshop, image, text, "-v")).toMatch(/^3\.\d+\.\d+$/m);
    await sayOnce(workshop, image, text, "-t", "/tmp/conf");
  });

  it.runIf(requireTools("psql", "mariadbd", "mariadb-install-db")).each([
    ["PostgreSQL", startPostgres, "libdhcp_pgsql.so"],
    ["MariaDB", startMariadb, "libdhcp_mysql.so"],
  ])("%s holds its reservations and its leases through a hook", async (name, start, library) => {
    await build("kea-dhcp4-sql");
    await using network = await createNetwork("192.0.2.1/24");
    await using database = await start(network.atServer, path.join(unpacked, "kea-admin/usr/share/kea/scripts"));
    await database.reserve("192.0.2.77", await hardwareOf(network));
    const config = dhcp4({
      "hooks-libraries": [{ library }],
      "lease-database": database.access,
      "hosts-databases": [database.access],
    });
    await using server = await serveKea(workshop, network, "kea-dhcp4-sql", config, await createPlaces(workshop, name));
    await waitForLog(server, "DHCP4_STARTED");
    expect((await requestLease(network)).address).toBe("192.0.2.77");
    expect(await database.leasesOfReserved()).toBe(1);
  });

  it("it is asked through its own control socket, by whom its configuration names", async () => {
    await build("kea-dhcp4");
    await using network = await createNetwork("192.0.2.1/24");
    const authentication = { type: "basic", clients: [{ user: "admin", password: "secret" }] };
    const config = dhcp4({
      "control-socket": undefined,
      "control-sockets": [
        { "socket-type": "http", "socket-address": "127.0.0.1", "socket-port": 8000, authentication },
      ],
      "hooks-libraries": [{ library: "libdhcp_lease_cmds.so" }],
    });
    await using server = await serveKea(workshop, network, "kea-dhcp4", config, await createPlaces(workshop, "http"));
    await waitForLog(server, "DHCP4_STARTED");
    const { address } = await requestLease(network);
    const ask = (command: string) => askKea(network, { command }, ["--user", "admin:secret"]);
    expect(await ask("config-get")).toHaveProperty("arguments.Dhcp4.subnet4.0.subnet", "192.0.2.0/24");
    expect(await ask("lease4-get-all")).toMatchObject({
      result: 0,
      arguments: { leases: [{ "ip-address": address }] },
    });
    expect(await askKea(network, { command: "config-get" })).toMatchObject({ result: 401 });
  });

  it("what keama makes of the README's dhcpd.conf is accepted, and serves once it has its interfaces", async () => {
    await build("kea-dhcp4");
    const readme = await readFile(path.join(projectDirectory, "README.adoc"), "utf8");
    const example = /\/etc\/dhcp\/dhcpd\.conf <<'CONF'\n(.*?)CONF\n/s.exec(readme)?.[1] ?? "";
    const [given, made] = ["dhcpd.conf", "translated.conf"].map((name) => path.join(workshop.store.directory, name));
    await writeFile(given!, example);
    await run([path.join(unpacked, "isc-dhcp-keama/usr/sbin/keama"), "-4", "-i", given!, "-o", made!]);
    const options = ["--rm", "--pull", "never", "--network", "none", "--read-only", "--volume", `${made}:/tmp/conf:ro`];
    const image = "localhost/kea-dhcp4:latest-x86_64";
    const entrypoint = ["--entrypoint", '["/usr/sbin/kea-dhcp4"]'];
    await run(["podman", "run", ...options, ...entrypoint, image, "-t", "/tmp/conf"], { env: workshop.store.env });

    await using network = await createNetwork("192.0.2.1/24");
    const interfaces = '"Dhcp4": {\n    "interfaces-config": { "interfaces": ["eth0"] },';
    const edited = (await readFile(made!, "utf8")).replace('"Dhcp4": {', interfaces);
    await using server = await serveKea(workshop, network, "kea-dhcp4", edited, await createPlaces(workshop, "keama"));
    await waitForLog(server, "DHCP4_STARTED");
    expect(await requestLease(network)).toMatchObject({ address: "192.0.2.100", router: "192.0.2.1" });
  });
});
