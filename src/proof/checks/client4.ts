import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../system/errors.ts";
import { findProgram, findSystemProgram } from "../../system/host.ts";
import type { Run } from "../../system/run.ts";
import { endOf, pollPid, type Running } from "../sandbox/engine.ts";
import type { Network } from "../sandbox/network.ts";
import { type Client, type ClientOptions, followEvents, NoLease } from "./client-events.ts";

/** A try each second, until it is ended: how long a server may be silent is not for the client to decide. */
const tries = ["-t", "600", "-T", "1", "-A", "1"] as const;

/** How long the client may take to start, in milliseconds. */
const startPatience = 20_000;

/** udhcpc(8) calls it with what happened; an address must be there before a client can ask to keep it. */
const script = `#!/bin/sh
if [ -e "\${0%/*}/configure" ]; then
  case "$1" in
    deconfig) ip address flush dev "$interface" ;;
    bound) ip address replace "$ip/\${mask:-32}" dev "$interface" ;;
  esac
fi
echo "$1 $ip $serverid $lease" >> "\${0%/*}/events"
`;

/**
 * A real client (udhcpc) at the network's client end that asks for an address until it has one. `directory` is made for its files.
 * Throws NoLease, and Failure where no client is installed.
 */
export async function connectClient(
  network: Network,
  server: Running,
  directory: string,
  run: Run,
  { identity }: ClientOptions = {},
): Promise<Client> {
  await mkdir(directory);
  const file = (name: string) => path.join(directory, name);
  await writeFile(file("script"), script, { mode: 0o755 });
  if (identity === undefined) await writeFile(file("configure"), "");
  const command = network.atClient([
    ...program(),
    ...["-f", "-n", "-i", "eth0", ...tries, "-p", file("pid"), "-s", file("script")],
    ...(identity === undefined ? [] : ["-x", `0x3d:${identity}`]),
  ]);
  const ended = endOf(run(command));
  const end = async () => {
    const pid = await pollPid(file("pid"), ended, startPatience);
    if (pid !== undefined) await run(["kill", String(pid)], { evenInterrupted: true }).catch(() => {});
    await ended.catch(() => {});
  };
  const next = followEvents(file("events"), { nak: "the server refused (DHCPNAK)" });
  try {
    const lease = await next("bound", ended, server);
    const renew = async (server: Running) => {
      const pid = await pollPid(file("pid"), ended, startPatience);
      if (pid === undefined) throw new NoLease("the client has ended");
      await run(["kill", "-USR1", String(pid)]);
      return next("renew", ended, server);
    };
    return { lease, renew, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

function program(): readonly [string, ...string[]] {
  const own = findSystemProgram("udhcpc");
  if (own !== undefined) return [own];
  if (findProgram("busybox") !== undefined) return ["busybox", "udhcpc"];
  throw new Failure("cannot ask for a lease: no DHCP client is installed", {
    hint: "install udhcpc (Debian) or busybox (Fedora)",
  });
}
