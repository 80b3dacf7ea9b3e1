import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Command } from "../../src/system/run.ts";
import { createNetwork, type Network, requestLease } from "../support/dhcp.ts";
import { commandOf, generatorTools, quadletGenerator } from "../support/quadlet-generator.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const config = "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; default-lease-time 600; }\n";

const able = requireTools(
  "root",
  "buildah",
  "podman",
  "runc",
  "catatonit",
  "ip",
  "nsenter",
  "udhcpc",
  ...generatorTools,
);
describe.runIf(able)("the service that systemd's generator makes of the installed unit", () => {
  let workshop: Workshop;
  let network: Network;
  let directory: string;
  let service: string;

  beforeAll(async () => {
    workshop = await createWorkshop();
    network = await createNetwork("192.0.2.1/24");
    directory = await mkdtemp(path.join(tmpdir(), "quadlet-lease-"));
    await workshop.build();
    // As a user's, because the system's directory is the machine's own; the unit is the same but for its targets.
    const configHome = path.join(directory, "home");
    const options = ["--install", "--user", "--podman", "5.4", "--interface", "eth0"];
    const { stdout } = await workshop.run(["quadlet", ...options], { env: { XDG_CONFIG_HOME: configHome } });
    expect(stdout).toBe(`${path.join(configHome, "containers/systemd/dhcpd.container")}\n`);
    service = await run([await quadletGenerator("trixie"), "-dryrun"], {
      env: { QUADLET_UNIT_DIRS: path.dirname(stdout.trim()) },
    });
    await writeFile(path.join(directory, "dhcpd.conf"), config);
    await run(["chmod", "-R", "a+rX", directory]);
  });
  afterAll(async () => {
    await run(["podman", "rm", "--all", "--force", "--time", "0"], { env: workshop.store.env });
    await network?.[Symbol.asyncDispose]();
    await workshop?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** The generator's command, at the server's end of the cable. */
  function start(key: "ExecStart" | "ExecStop"): Promise<string> {
    const command = adapted(commandOf(service, key), directory);
    // What the unit's Environment= sets, and without a socket to notify: there is no systemd here to hear it.
    const env = { ...workshop.store.env, PODMAN_SYSTEMD_UNIT: "dhcpd.service", NOTIFY_SOCKET: undefined };
    return run(network.atServer(command), { env });
  }

  it("is adapted to this machine in nothing but what this machine lacks", () => {
    const words = commandOf(service, "ExecStart");
    expect(adapted(words, "/D").filter((word) => !words.includes(word))).toEqual([
      "--cidfile=/D/dhcpd.cid",
      "/D/dhcpd.conf:/etc/dhcp/dhcpd.conf:ro,z",
      "--health-interval=disable",
    ]);
    expect(words.filter((word) => !adapted(words, "/D").includes(word))).toEqual([
      "--cidfile=%t/%N.cid",
      "--cgroups=split",
      "/etc/dhcp/dhcpd.conf:/etc/dhcp/dhcpd.conf:ro,z",
    ]);
  });

  it("serves: a client gets a lease, and gets the same one from the next start", async () => {
    await start("ExecStart");
    const lease = await requestLease(network);
    expect(lease).toMatchObject({ address: expect.stringMatching(/^192\.0\.2\.1\d\d$/), server: "192.0.2.1" });
    const container = await readFile(path.join(directory, "dhcpd.cid"), "utf8");
    // The health check is performed as its timer would.
    await run(["podman", "healthcheck", "run", container], { env: workshop.store.env });
    const began = performance.now();
    await start("ExecStop");
    expect(performance.now() - began).toBeLessThan(5000);
    await expect(run(["podman", "container", "exists", container], { env: workshop.store.env })).rejects.toThrow();

    // podman 4.3 leaves the file and then refuses to write it.
    await rm(path.join(directory, "dhcpd.cid"), { force: true });
    await start("ExecStart");
    expect(await requestLease(network)).toMatchObject({ address: lease.address });
    await start("ExecStop");
  });
});

/**
 * The generator's words as this machine can run them. There is no systemd, so its specifiers are filled in, `--cgroups=split` is left out
 * (it divides the cgroup of a service) and the health check gets no timer. The configuration is not the machine's own.
 */
function adapted(words: readonly string[], directory: string): Command {
  const [program = "", ...rest] = words.flatMap((word) => {
    if (word === "--cgroups=split") return [];
    if (word === "--health-cmd") return ["--health-interval=disable", word];
    if (word.startsWith("/etc/dhcp/dhcpd.conf:")) return [`${directory}/dhcpd.conf${word.slice(word.indexOf(":"))}`];
    return [word.replace("%t/%N", `${directory}/dhcpd`)];
  });
  return [program, ...rest];
}
