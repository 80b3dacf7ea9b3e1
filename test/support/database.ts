import { existsSync, readdirSync } from "node:fs";
import { chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { silent } from "../../src/system/log.ts";
import { type Command, createRun } from "../../src/system/run.ts";
import { run } from "./run.ts";
import type { At } from "./segment.ts";

/** A database server with Kea's tables in it, as an ordinary user in a directory of its own. */
export interface Database extends AsyncDisposable {
  /** What a configuration of Kea says to reach it: `lease-database`, an item of `hosts-databases`. */
  readonly access: object;
  /** Reserves an address in the subnet 1 for a client; its hardware address in hexadecimal digits. */
  reserve(address: string, hardware: string): Promise<void>;
  /** How many leases it has for the reserved addresses. */
  leasesOfReserved(): Promise<number>;
}

/** Where Debian's kea-admin has what makes Kea's tables, in the version of the schema that its own Kea wants. */
const usualScripts = "/usr/share/kea/scripts";

/** nobody: a database server refuses to be root. */
const nobody = 65534;

/** Where Debian keeps the programs of PostgreSQL, the newest version's last; undefined where there are none. */
function postgresDirectory(): string | undefined {
  const base = "/usr/lib/postgresql";
  const versions = existsSync(base) ? readdirSync(base).sort() : [];
  return versions.map((version) => path.join(base, version, "bin")).findLast((bin) => existsSync(`${bin}/initdb`));
}

/** PostgreSQL on the loopback address of a network namespace. */
export async function startPostgres(at: At, scripts = usualScripts): Promise<Database> {
  const bin = postgresDirectory();
  if (bin === undefined) throw new Error("PostgreSQL is not installed");
  const psql = ["psql", "-h", "127.0.0.1", "-U", "kea", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
  return startDatabase(at, {
    prepare: (data) => [`${bin}/initdb`, "-D", data, "-U", "kea", "--auth=trust", "--no-sync", "--encoding=UTF8"],
    serve: (data) => [
      ...[`${bin}/postgres`, "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
      ...["-c", `unix_socket_directories=${data}`],
    ],
    isReady: ["psql", "-h", "127.0.0.1", "-U", "kea", "-d", "postgres", "-c", "CREATE DATABASE kea"],
    tables: [...psql, "-d", "kea", "-f", `${scripts}/pgsql/dhcpdb_create.pgsql`],
    query: (statement) => [...psql, "-d", "kea", "-c", statement],
    values: (address, hardware) => `decode('${hardware}', 'hex'), 0, 1, '${address}'::inet - '0.0.0.0'::inet`,
    access: { type: "postgresql", host: "127.0.0.1", name: "kea", user: "kea", password: "" },
  });
}

/** MariaDB on the loopback address of a network namespace. */
export async function startMariadb(at: At, scripts = usualScripts): Promise<Database> {
  const client = ["mariadb", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=root", "--batch"];
  return startDatabase(at, {
    prepare: (data) => [
      ...["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"],
      ...["--skip-name-resolve", `--datadir=${data}`, "--basedir=/usr"],
    ],
    serve: (data) => [
      ...["mariadbd", "--no-defaults", `--datadir=${data}`, `--socket=${data}/socket`, "--skip-name-resolve"],
      ...["--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0"],
    ],
    isReady: [...client, "--execute=CREATE DATABASE kea"],
    tables: [...client, `--execute=source ${scripts}/mysql/dhcpdb_create.mysql`, "kea"],
    query: (statement) => [...client, "--skip-column-names", `--execute=${statement}`, "kea"],
    values: (address, hardware) => `UNHEX('${hardware}'), 0, 1, INET_ATON('${address}')`,
    access: { type: "mysql", host: "127.0.0.1", name: "kea", user: "root", password: "" },
  });
}

interface Product {
  prepare(data: string): readonly string[];
  serve(data: string): readonly string[];
  /** Makes the database as soon as the server answers. */
  readonly isReady: readonly string[];
  readonly tables: readonly string[];
  query(statement: string): readonly string[];
  /** The columns of a reservation. */
  values(address: string, hardware: string): string;
  readonly access: object;
}

async function startDatabase(at: At, product: Product): Promise<Database> {
  const directory = await mkdtemp(path.join(tmpdir(), "database-"));
  await chown(directory, nobody, nobody);
  const data = path.join(directory, "data");
  await mkdir(data, { mode: 0o700 });
  await chown(data, nobody, nobody);
  const asNobody = (command: readonly string[]): Command => [
    "setpriv",
    ...[
      `--reuid=${nobody}`,
      `--regid=${nobody}`,
      "--clear-groups",
      "env",
      `HOME=${directory}`,
      `TMPDIR=${directory}`,
      ...command,
    ],
  ];
  const stop = new AbortController();
  let serving: Promise<unknown> | undefined;
  const dispose = async () => {
    stop.abort();
    await serving;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await run(asNobody(product.prepare(data)), { cwd: directory });
    serving = createRun(silent, stop.signal)(at(asNobody(product.serve(data))), { cwd: directory }).catch(() => {});
    await answering(() => run(at(product.isReady)));
    await run(at(product.tables));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    access: product.access,
    reserve: async (address, hardware) => {
      const columns = "dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address";
      await run(at(product.query(`INSERT INTO hosts (${columns}) VALUES (${product.values(address, hardware)})`)));
    },
    leasesOfReserved: async () =>
      Number(
        await run(at(product.query("SELECT count(*) FROM lease4 WHERE address IN (SELECT ipv4_address FROM hosts)"))),
      ),
    [Symbol.asyncDispose]: dispose,
  };
}

async function answering(ask: () => Promise<unknown>): Promise<void> {
  for (const start = performance.now(); ; await sleep(100)) {
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() - start > 20_000) throw error;
    }
  }
}
