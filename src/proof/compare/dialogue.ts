import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Run } from "../../system/run.ts";
import { ProgramTime } from "../sandbox/program-time.ts";
import { addressBytes, type DhcpPacket, decodePacket, encodePacket, messageTypes, optionCodes } from "./dhcp-packet.ts";

/** What a client said and what it was told: `undefined` is silence. */
export interface Exchange {
  readonly said: string;
  readonly answer: Readonly<Record<string, string>> | undefined;
}

/** How long silence is listened to, in milliseconds of the server's time. */
const patience = 600;
/** Milliseconds between two looks at the clock. */
const interval = 20;
/** More clients than this are not asked for: then the range is called unlimited. */
const mostClients = 300;

type Ask = (said: string, packet: Partial<DhcpPacket>, to?: string) => Promise<DhcpPacket | undefined>;

/**
 * Talks DHCPv4 with the server on the network that this process lives in, from the address `relay` (with prefix), which is given to eth0 and
 * is the relay's where one is played. Everything a client can say is said once; then more and more clients ask until nothing is left.
 */
export async function converse(
  server: { readonly address: string; readonly pid: number },
  relay: string,
  run: Run,
): Promise<readonly Exchange[]> {
  const ownAddress = relay.split("/")[0] ?? "";
  await run(["ip", "address", "add", relay, "dev", "eth0"]);
  await run(["ip", "route", "add", "255.255.255.255", "dev", "eth0"]);
  const sockets = await Promise.all([openSocket(68), openSocket(67)]);
  const exchanges: Exchange[] = [];
  let transaction = 0x5eed0000;
  const ask: Ask = async (said, packet, to = "255.255.255.255") => {
    transaction++;
    const answer = await exchange(sockets, { ...blank, ...packet, transaction }, to, new ProgramTime(server.pid));
    exchanges.push({ said, answer: answer === undefined ? undefined : fieldsOf(answer) });
    return answer;
  };
  try {
    await oneClient(ask, server.address, run, relay.split("/")[1] ?? "32");
    await ask("a client that nobody knows wants to keep an address of another network", {
      hardware: "02:00:00:00:00:02",
      options: options("request", { [optionCodes.requestedAddress]: addressBytes("198.51.100.7") }),
    });
    const relayed = { giaddr: ownAddress, flags: 0, hardware: "02:00:00:00:00:03", options: options("discover") };
    await ask("discover through a relay", relayed, server.address);
    await exhaust(ask);
    return exchanges;
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** A client's life: it gets an address, keeps it, asks for options, gives it back, and finds another time that somebody else uses it. */
async function oneClient(ask: Ask, server: string, run: Run, prefix: string): Promise<void> {
  const offer = await ask("discover", { options: options("discover") });
  if (offer === undefined) return;
  const address = offer.yiaddr;
  const selection = {
    [optionCodes.requestedAddress]: addressBytes(address),
    [optionCodes.serverIdentifier]: [...(offer.options.get(optionCodes.serverIdentifier) ?? [])],
  };
  await ask("request", { options: options("request", selection) });
  await run(["ip", "address", "add", `${address}/${prefix}`, "dev", "eth0"]);
  await ask("renew", { ciaddr: address, flags: 0, options: options("request") }, server);
  await ask("inform", { ciaddr: address, flags: 0, options: options("inform") }, server);
  const identifier = { [optionCodes.serverIdentifier]: [...(selection[optionCodes.serverIdentifier] ?? [])] };
  await ask("release", { ciaddr: address, flags: 0, options: options("release", identifier) }, server);
  await ask("discover after release", { options: options("discover") });
  await ask("request after release", { options: options("request", selection) });
  await ask("decline", { options: options("decline", selection) });
  await ask("discover after decline", { options: options("discover") });
}

async function exhaust(ask: Ask): Promise<void> {
  for (let client = 0; client < mostClients; client++) {
    const hardware = `02:00:00:01:${[client >> 8, client & 255].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;
    if ((await ask(`discover of client ${client + 1}`, { hardware, options: options("discover") })) === undefined)
      return;
  }
}

const blank: DhcpPacket = {
  op: 1,
  transaction: 0,
  flags: 0x8000,
  ciaddr: "0.0.0.0",
  yiaddr: "0.0.0.0",
  siaddr: "0.0.0.0",
  giaddr: "0.0.0.0",
  hardware: "02:00:00:00:00:01",
  serverName: "",
  bootFile: "",
  options: new Map(),
};

/** Subnet mask, router, name servers, domain, lease time, vendor options: what clients usually ask for. */
const wanted = [1, 3, 6, 12, 15, 28, 42, 43, 51, 58, 59, 119, 121];

function options(type: keyof typeof messageTypes, more: Readonly<Record<number, readonly number[]>> = {}) {
  const all = { ...more, [optionCodes.messageType]: [messageTypes[type]], [optionCodes.parameters]: wanted };
  return new Map(Object.entries(all).map(([code, value]) => [Number(code), Uint8Array.from(value)]));
}

async function openSocket(port: number): Promise<Socket> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  socket.bind(port);
  await once(socket, "listening");
  socket.setBroadcast(true);
  return socket;
}

/** What release and decline are answered with is silence: it is waited for like any answer. */
function exchange(
  sockets: readonly Socket[],
  packet: DhcpPacket,
  to: string,
  time: ProgramTime,
): Promise<DhcpPacket | undefined> {
  return new Promise((resolve, reject) => {
    const finish = (answer: DhcpPacket | undefined) => {
      clearInterval(timer);
      for (const socket of sockets) socket.off("message", hear);
      resolve(answer);
    };
    const hear = (bytes: Buffer) => {
      const answer = decodePacket(bytes);
      if (answer?.op === 2 && answer.transaction === packet.transaction) finish(answer);
    };
    const timer = setInterval(() => (time.hasPassed(patience) ? finish(undefined) : undefined), interval);
    for (const socket of sockets) socket.on("message", hear);
    sockets[0]?.send(encodePacket(packet), 67, to, (error) => (error === null ? undefined : reject(error)));
  });
}

/** Everything in an answer that two servers must agree on: not the transaction, and of times only that they are there. */
export function fieldsOf(packet: DhcpPacket): Readonly<Record<string, string>> {
  const { op: _op, transaction: _transaction, options: answered, ...fields } = packet;
  const times: readonly number[] = [optionCodes.leaseTime, optionCodes.renewalTime, optionCodes.rebindingTime];
  const values = [...answered].map(([code, value]) => [
    `option ${code}`,
    times.includes(code) ? "a time" : Buffer.from(value).toString("hex"),
  ]);
  return {
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)])),
    ...Object.fromEntries(values),
  };
}
