import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { untilWeEnd } from "../../system/children.ts";
import { Failure } from "../../system/errors.ts";
import { findSystemProgram } from "../../system/host.ts";
import { type Command, CommandFailure, type Run } from "../../system/run.ts";

/** Two private network namespaces with a cable between them: `eth0` at the server's end and `eth0` at the client's. */
export interface Network extends AsyncDisposable {
  /** The file of the server's namespace. */
  readonly server: string;
  /** A command line as it runs at the client's end. */
  atClient(command: Command): Command;
}

/**
 * Lays a cable; the server's end gets the address (with prefix) where one is given. The namespaces are held by files in a new
 * `directory`, so that the host's list of namespaces never sees them. Throws Failure.
 */
export async function createNetwork(directory: string, address: string | undefined, run: Run): Promise<Network> {
  await mkdir(directory);
  const server = path.join(directory, "server");
  const client = path.join(directory, "client");
  const ends = [server, client];
  const enter = (end: string, command: Command): Command => ["nsenter", `--net=${end}`, ...command];
  const remove = async () => {
    for (const end of ends) await unmount(end, run);
  };
  try {
    for (const end of ends) {
      await writeFile(end, "");
      await run(["unshare", `--net=${end}`, "true"]);
    }
    await run(enter(server, [findSystemProgram("ip") ?? "ip", "-batch", "-"]), { input: serverEnd(client, address) });
    await run(enter(client, [findSystemProgram("ip") ?? "ip", "-batch", "-"]), { input: clientEnd(address) });
  } catch (error) {
    await remove();
    if (!(error instanceof CommandFailure)) throw error;
    throw new Failure(`cannot make a private network: ${error.complaint}`, {
      ...(error.notFound ? { hint: "install iproute2 and util-linux" } : {}),
      cause: error,
    });
  }
  return { server, atClient: (command) => enter(client, [...untilWeEnd, ...command]), [Symbol.asyncDispose]: remove };
}

/** Whatever an interrupted tool has mounted or not: afterwards nothing is. */
export async function unmount(place: string, run: Run): Promise<void> {
  try {
    await run(["umount", "--lazy", place], { evenInterrupted: true });
  } catch (error) {
    if (!(error instanceof CommandFailure) || !/not mounted|not found|no mount point/i.test(error.stderr)) throw error;
  }
}

/** Input of `ip -batch`. Nobody else is on the cable: an address need not be looked for before it is used. */
function serverEnd(client: string, address: string | undefined): string {
  return [
    "link set lo up",
    `link add eth0 type veth peer name eth0 netns ${client}`,
    ...(isIPv6(address) ? linkLocal("fe80::1") : []),
    ...(address === undefined ? [] : [`address add ${address} dev eth0${isIPv6(address) ? " nodad" : ""}`]),
    "link set eth0 up",
    "",
  ].join("\n");
}

function clientEnd(address: string | undefined): string {
  return ["link set lo up", ...(isIPv6(address) ? linkLocal("fe80::2") : []), "link set eth0 up", ""].join("\n");
}

function isIPv6(address: string | undefined): boolean {
  return address?.includes(":") ?? false;
}

/** The kernel would look for its own link-local address for a second or two, and DHCPv6 (RFC 8415) speaks from no other. */
function linkLocal(address: string): readonly string[] {
  return ["link set eth0 addrgenmode none", `address add ${address}/64 dev eth0 nodad`];
}
