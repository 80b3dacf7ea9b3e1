import { readFile } from "node:fs/promises";
import { Failure } from "../../system/errors.ts";
import { poll, type Running } from "../sandbox/engine.ts";
import { ProgramTime } from "../sandbox/program-time.ts";

/** What a client was given. */
export interface Lease {
  readonly address: string;
  readonly server: string;
  readonly seconds: number;
}

/** A DHCP client that holds a lease; it is ended with the scope. */
export interface Client extends AsyncDisposable {
  readonly lease: Lease;
  /** Asks this server for more time. Throws NoLease when the server does not agree. */
  renew(server: Running): Promise<Lease>;
}

/** The server gave nothing, or took it away. */
export class NoLease extends Failure {
  override readonly name: string = "NoLease";
}

/** The server said nothing in time. */
export class Silence extends NoLease {
  override readonly name = "Silence";
}

export interface ClientOptions {
  /** Client identifier (DHCPv4: RFC 2132, 9.14) or DUID (DHCPv6: RFC 8415, 11) in hex; one of the interface's own where not given. */
  readonly identity?: string;
}

/** How long a server may be silent, in milliseconds of its own time: four tries of a client, and its answer's way. */
const patience = 5_000;

interface Event {
  readonly kind: string;
  readonly lease: Lease;
}

/** One line per call of a client's script: `bound 192.0.2.100 192.0.2.1 43200`. */
export function parseEvents(text: string): readonly Event[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [kind = "", address = "", server = "", seconds = ""] = line.split(" ");
      return { kind, lease: { address, server, seconds: Number(seconds) } };
    });
}

/** Waits for one event after the other in a file that a client's script writes. Throws NoLease. */
export type NextEvent = (wanted: string, ended: Promise<unknown>, server: Running) => Promise<Lease>;

/** `refusals` are the events by which a client says that it has got nothing, each with what it means. */
export function followEvents(file: string, refusals: Readonly<Record<string, string>>): NextEvent {
  let seen = 0;
  return async (wanted, ended, server) => {
    const event = await poll(
      async () => {
        const events = parseEvents(await readFile(file, "utf8").catch(() => ""));
        const place = events.findIndex(({ kind }, at) => at >= seen && (kind === wanted || kind in refusals));
        if (place >= 0) seen = place + 1;
        return events[place];
      },
      Promise.race([ended, server.ended]),
      patience,
      new ProgramTime(await server.pid()),
    );
    if (event?.kind === wanted) return event.lease;
    const refusal = refusals[event?.kind ?? ""];
    throw refusal === undefined ? new Silence("the server did not answer the client") : new NoLease(refusal);
  };
}
