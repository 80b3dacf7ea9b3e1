import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../system/errors.ts";
import { findSystemProgram } from "../../system/host.ts";
import type { Run } from "../../system/run.ts";
import { type ExitStatus, endOf, pollPid, type Running } from "../sandbox/engine.ts";
import type { Network } from "../sandbox/network.ts";
import { type Client, type ClientOptions, followEvents, NoLease } from "./client-events.ts";

/** dhclient-script(8) says what it is called with. A DHCPv6 client speaks from its link-local address: it needs no other. */
const script = `#!/bin/sh
echo "$reason $new_ip6_address $new_dhcp6_server_id $new_max_life" >> "\${0%/*}/events"
`;

/** How long the client may take to start, in milliseconds. */
const startPatience = 20_000;

/**
 * A real DHCPv6 client (dhclient) at the network's client end that asks for an address until it has one. `directory` is made for its
 * files. Throws NoLease, and Failure where no client is installed.
 */
export async function connectClient6(
  network: Network,
  server: Running,
  directory: string,
  run: Run,
  { identity }: ClientOptions = {},
): Promise<Client> {
  const program = findSystemProgram("dhclient");
  if (program === undefined) {
    throw new Failure("cannot ask for a lease: no DHCPv6 client is installed", {
      hint: "install isc-dhcp-client (Debian) or dhcp-client (Fedora)",
    });
  }
  await mkdir(directory);
  const file = (name: string) => path.join(directory, name);
  await writeFile(file("script"), script, { mode: 0o755 });
  await writeFile(file("leases"), identity === undefined ? "" : `default-duid "${octal(identity)}";\n`);
  const command = network.atClient([
    program,
    ...["-6", "-d", "-q", "-D", "LL", "-cf", "/dev/null"],
    ...["-lf", file("leases"), "-pf", file("pid"), "-sf", file("script"), "eth0"],
  ]);
  const start = () => endOf(run(command));
  let ended: Promise<ExitStatus> = start();
  const end = async () => {
    const pid = await pollPid(file("pid"), ended, startPatience);
    if (pid !== undefined) await run(["kill", String(pid)], { evenInterrupted: true }).catch(() => {});
    await ended.catch(() => {});
    // The next one would be taken for this one.
    await writeFile(file("pid"), "");
  };
  const next = followEvents(file("events"), { EXPIRE6: "the server let the client's lease expire" });
  try {
    const lease = await next("BOUND6", ended, server);
    const renew = async (server: Running) => {
      await end();
      await writeFile(file("leases"), dueForRenewal(await readFile(file("leases"), "utf8")));
      ended = start();
      const renewed = await next("RENEW6", ended, server);
      if (renewed.address === "") throw new NoLease("the server did not keep the client's address");
      return renewed;
    };
    return { lease, renew, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/**
 * A dhclient's lease file (dhclient.leases(5)) by which the time of renewal has come: no signal makes a dhclient renew, but one that is
 * started again confirms what it has and then does what is due.
 */
export function dueForRenewal(leases: string): string {
  return leases.replaceAll(/^(\s*renew) \d+;/gm, "$1 1;");
}

/** As bytes are written in a lease file's string. */
function octal(hex: string): string {
  return [...Buffer.from(hex, "hex")].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
