import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../system/errors.ts";
import { findProgram } from "../system/host.ts";
import type { Run } from "../system/run.ts";
import { endOf, lookFor, lookForPid } from "./engine.ts";
import type { Network } from "./network.ts";

/** What a client was given. */
export interface Lease {
  readonly address: string;
  readonly server: string;
  readonly seconds: number;
}

/** A DHCP client that holds a lease; it is ended with the scope. */
export interface Client extends AsyncDisposable {
  readonly lease: Lease;
  /** Asks for more time. Throws NoLease when the server does not agree. */
  renew(): Promise<Lease>;
}

/** The server gave nothing, or took it away. */
export class NoLease extends Failure {
  override readonly name = "NoLease";
}

/** How long a real client may take to an answer, in milliseconds: four tries of a second each. */
const patience = 5_000;
const tries = ["-t", "4", "-T", "1", "-A", "1"] as const;

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

export interface ClientOptions {
  /** Client identifier (RFC 2132, 9.14) in hex; the interface's own address where not given. */
  readonly identity?: string;
}

/**
 * A real client (udhcpc) at the network's client end that asks for an address until it has one. `directory` is made for its files.
 * Throws NoLease, and Failure where no client is installed.
 */
export async function connectClient(
  network: Network,
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
    const pid = await lookForPid(file("pid"), ended, 1_000);
    if (pid !== undefined) await run(["kill", String(pid)], { evenInterrupted: true }).catch(() => {});
    await ended.catch(() => {});
  };
  let seen = 0;
  const next = async (wanted: string): Promise<Lease> => {
    const event = await lookFor(
      async () => {
        const events = parseEvents(await readFile(file("events"), "utf8").catch(() => ""));
        const decisive = events
          .slice(seen)
          .find(({ kind }) => kind === wanted || kind === "nak" || kind === "leasefail");
        if (decisive !== undefined) seen = events.indexOf(decisive) + 1;
        return decisive;
      },
      ended,
      patience,
    );
    if (event?.kind === wanted) return event.lease;
    throw new NoLease(event?.kind === "nak" ? "the server refused (DHCPNAK)" : "the server did not answer the client");
  };
  try {
    const lease = await next("bound");
    const renew = async () => {
      const pid = await lookForPid(file("pid"), ended, 1_000);
      if (pid === undefined) throw new NoLease("the client has ended");
      await run(["kill", "-USR1", String(pid)]);
      return next("renew");
    };
    return { lease, renew, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

function program(): readonly [string, ...string[]] {
  if (findProgram("udhcpc") !== undefined) return ["udhcpc"];
  if (findProgram("busybox") !== undefined) return ["busybox", "udhcpc"];
  throw new Failure("cannot ask for a lease: no DHCP client is installed", {
    hint: "install udhcpc (Debian) or busybox (Fedora)",
  });
}

interface Event {
  readonly kind: string;
  readonly lease: Lease;
}

/** One line per call of the script: `bound 192.0.2.100 192.0.2.1 43200`. */
export function parseEvents(text: string): readonly Event[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [kind = "", address = "", server = "", seconds = ""] = line.split(" ");
      return { kind, lease: { address, server, seconds: Number(seconds) } };
    });
}
