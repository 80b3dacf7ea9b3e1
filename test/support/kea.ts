import { chown, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Network, type Server, serve } from "./dhcp.ts";
import { run } from "./run.ts";
import type { Workshop } from "./workshop.ts";

/** The user of the shipped recipes. */
const kea = 767;

/** A configuration of kea-dhcp4 for the segment 192.0.2.0/24, with whatever is laid over it. */
export function dhcp4(more: object = {}): string {
  return JSON.stringify({
    Dhcp4: {
      "interfaces-config": { interfaces: ["eth0"], "service-sockets-require-all": true },
      "control-socket": { "socket-type": "unix", "socket-name": "/run/kea/kea4.sock" },
      "valid-lifetime": 600,
      subnet4: [{ id: 1, subnet: "192.0.2.0/24", pools: [{ pool: "192.0.2.100 - 192.0.2.200" }] }],
      ...more,
    },
  });
}

/** Directories of the host in place of a container's own, so that a test and other containers can look into them. */
export interface Places {
  readonly state: string;
  readonly runtime: string;
}

/** Makes the directories of one server, with the owner and the modes that the image gives its own. */
export async function createPlaces(workshop: Workshop, name: string): Promise<Places> {
  const base = await mkdtemp(path.join(workshop.store.directory, `${name}-`));
  const places = { state: path.join(base, "state"), runtime: path.join(base, "runtime") };
  await mkdir(places.state, { mode: 0o755 });
  await mkdir(places.runtime, { mode: 0o750 });
  for (const place of Object.values(places)) await chown(place, kea, kea);
  return places;
}

/** Starts the image of a shipped recipe of Kea with its privileges. */
export function serveKea(
  workshop: Workshop,
  network: Pick<Network, "atServer">,
  recipe: "kea-dhcp4" | "kea-dhcp4-sql" | "kea-ctrl-agent",
  text: string,
  places: Places,
): Promise<Server> {
  const program = recipe === "kea-ctrl-agent" ? recipe : "kea-dhcp4";
  return serve({
    store: workshop.store,
    network: network as Network,
    image: `localhost/${recipe}:latest-x86_64`,
    config: { path: `/etc/kea/${program}.conf`, text },
    capabilities: program === "kea-dhcp4" ? ["NET_RAW", "NET_BIND_SERVICE"] : [],
    options: ["--volume", `${places.state}:/var/lib/kea`, "--volume", `${places.runtime}:/run/kea`],
  });
}

/** What a command of Kea is answered with: 0 is success, and what else it tells. */
interface Answer {
  readonly result: number;
  readonly arguments?: unknown;
}

/** Sends a command to a control channel, as the server's end reaches it over HTTP, and returns the first answer. */
export async function askKea(
  network: Pick<Network, "atServer">,
  command: object,
  options: readonly string[] = [],
): Promise<Answer> {
  const words = ["curl", "--silent", "--show-error", "--header", "Content-Type: application/json", ...options];
  const sent = ["--data", JSON.stringify(command), "http://127.0.0.1:8000/"];
  return [JSON.parse(await run(network.atServer([...words, ...sent])))].flat()[0];
}

/** What an image's program says, on stdout or stderr, when it is started with other words, and with a configuration in /tmp/conf. */
export async function sayOnce(workshop: Workshop, image: string, text: string, ...words: readonly string[]) {
  const file = path.join(workshop.store.directory, "once.conf");
  await writeFile(file, text, { mode: 0o644 });
  const options = ["--rm", "--pull", "never", "--network", "none", "--read-only", "--volume", `${file}:/tmp/conf:ro`];
  const both = ["sh", "-c", '"$@" 2>&1', "sh"] as const;
  return run([...both, "podman", "run", ...options, image, ...words], { env: workshop.store.env });
}

/** Waits until a server has written something. Throws with all it wrote instead. */
export async function waitForLog(server: Server, wanted: string | RegExp, patience = 20_000): Promise<void> {
  const found = await eventually(async () => (await server.logs()).match(wanted) ?? undefined, patience);
  if (found === undefined) throw new Error(`it never wrote ${wanted}:\n${await server.logs()}`);
}

/** Looks until there is something; undefined after so many milliseconds. */
export async function eventually<T>(look: () => Promise<T | undefined>, patience = 20_000): Promise<T | undefined> {
  for (const start = performance.now(); performance.now() - start < patience; await sleep(100)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  return undefined;
}

export function textOf(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(() => undefined);
}
