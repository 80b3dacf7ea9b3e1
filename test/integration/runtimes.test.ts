import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostArch } from "../../src/system/arch.ts";
import { createNetwork, type Network, requestLease, serve } from "../support/dhcp.ts";
import { type Registry, startRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { type Daemon, makeState, startContainerd, startDocker, writeSpec } from "../support/runtimes.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const ready = requireTools(
  ...["root", "buildah", "podman", "runc", "catatonit", "docker-registry", "dockerd", "docker", "containerd", "ctr"],
  ...["ip", "nsenter", "udhcpc"],
);

const configFile = "/etc/dhcp/dhcpd.conf";
const stateDirectory = "/var/lib/dhcpd";
const config = "authoritative;\nsubnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; }\n";
const capabilities = ["NET_RAW", "NET_BIND_SERVICE"];
const withoutTls = "--tls-verify=false";

describe.runIf(ready)("the image starts and serves", () => {
  let workshop: Workshop;
  let network: Network;
  let registry: Registry;
  let image: BuiltImage;
  /** The index in the registry. */
  let pushed: string;
  let archives: { readonly docker: string; readonly oci: string };
  let settings: string;

  beforeAll(async () => {
    [workshop, network] = await Promise.all([createWorkshop(), createNetwork("192.0.2.1/24")]);
    registry = await startRegistry({ through: network.atServer });
    const images = await workshop.build(["--arch", "all"]);
    image = images.find(({ arch }) => arch === hostArch())!;
    const { directory } = workshop.store;
    settings = path.join(directory, "dhcpd.conf");
    await writeFile(settings, config);
    pushed = `${registry.host}/group/dhcpd:latest`;
    const through = network.atServer([]);
    for (const args of [
      ["index", "dhcpd"],
      ["push", "dhcpd", `${registry.host}/group/dhcpd`, withoutTls],
    ]) {
      const { exitCode, stderr } = await workshop.run(args, { through });
      if (exitCode !== 0) throw new Error(stderr);
    }
    archives = { docker: path.join(directory, "docker.tar"), oci: path.join(directory, "oci.tar") };
    for (const [kind, file] of Object.entries(archives)) {
      const to = `${kind}-archive:${file}:localhost/carried:1`;
      await run(["buildah", "push", "--quiet", image.id, to], { env: workshop.env });
    }
  });
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await network?.[Symbol.asyncDispose]();
    await workshop?.[Symbol.asyncDispose]();
  });

  const leases = async () => {
    const lease = await requestLease(network);
    expect(lease).toMatchObject({
      server: "192.0.2.1",
      mask: "255.255.255.0",
      address: expect.stringMatching(/^192\.0\.2\.1\d\d$/),
    });
  };

  describe("under podman with runc", () => {
    it.each(["registry", "docker", "oci"] as const)(
      "from %s, as its own user, with the image ID that was built",
      async (from) => {
        await using other = await createWorkshop();
        const { env } = other.store;
        if (from === "registry")
          await run(network.atServer(["podman", "pull", "--quiet", withoutTls, pushed]), { env });
        else await run(["podman", "load", "--quiet", "--input", archives[from]], { env });
        const name = from === "registry" ? pushed : "localhost/carried:1";
        const id = await run(["podman", "image", "inspect", "--format", "{{.Id}}", name], { env });
        // A Docker archive has another manifest and another configuration.
        if (from !== "docker") expect(`sha256:${id}`).toBe(image.id);
        const served = {
          store: other.store,
          network,
          image: name,
          config: { path: configFile, text: config },
          capabilities,
        };
        await using server = await serve({ ...served, options: ["--init"] });
        await leases();
        expect(await server.stop()).toBe(143);
      },
    );
  });

  describe("under Docker", () => {
    let docker: Daemon;
    beforeAll(async () => {
      docker = await startDocker(network);
    });
    afterAll(async () => docker?.[Symbol.asyncDispose]());

    it.each(["registry", "archive"] as const)("from the %s", async (from) => {
      if (from === "registry") await docker.client("pull", "--quiet", pushed);
      else await docker.client("load", "--quiet", "--input", archives.docker);
      const name = from === "registry" ? pushed : "localhost/carried:1";
      expect(await docker.client("run", "--rm", "--network", "none", name, "--version")).toBe("");
      // Docker gives capabilities to root alone (no ambient ones), so that root it is, with two capabilities and its own directory.
      const state = await makeState(docker.directory, { uid: 0, gid: 0 });
      await docker.client(
        ...["run", "--detach", "--name", from, "--network", "host", "--init", "--read-only", "--user", "0:0"],
        ...["--cap-drop", "all", ...capabilities.flatMap((each) => ["--cap-add", each])],
        ...["--security-opt", "no-new-privileges", "--volume", `${settings}:${configFile}:ro`],
        ...["--volume", `${state}:${stateDirectory}`, name],
      );
      await leases();
      await docker.client("stop", "--time", "5", from);
      expect(await docker.client("inspect", "--format", "{{.State.ExitCode}}", from)).toBe("143");
    });
  });

  describe("under containerd", () => {
    let containerd: Daemon;
    beforeAll(async () => {
      containerd = await startContainerd(network);
    });
    afterAll(async () => containerd?.[Symbol.asyncDispose]());

    it.each(["registry", "docker", "oci"] as const)("from %s, as its own user", async (from) => {
      const name = from === "registry" ? pushed : `localhost/carried:1`;
      if (from === "registry") await containerd.client("images", "pull", "--plain-http", name);
      else {
        await containerd.client("images", "import", "--snapshotter", "overlayfs", archives[from]);
        expect(await containerd.client("images", "ls", "-q")).toContain(name);
      }
      await containerd.client("run", "--rm", "--read-only", name, `version-${from}`, "/usr/sbin/dhcpd", "--version");
      const user = { uid: 177, gid: 177 };
      const state = await makeState(containerd.directory, user);
      const rootfs = `${state}-rootfs`;
      await run(["mkdir", rootfs]);
      // Writable, because the runtime makes the mount points for /proc and the like in it; the program sees it read-only.
      await containerd.client("images", "mount", "--rw", name, rootfs);
      const { Config } = JSON.parse(
        await run(["buildah", "inspect", "--type", "image", image.id], { env: workshop.env }),
      ) as { Config: string };
      const { Entrypoint, Cmd } = (JSON.parse(Config) as { config: { Entrypoint: string[]; Cmd: string[] } }).config;
      const spec = await writeSpec(containerd, {
        rootfs,
        args: [...Entrypoint, ...Cmd],
        user,
        capabilities: capabilities.map((each) => `CAP_${each}`),
        binds: { [configFile]: settings, [stateDirectory]: state },
      });
      await containerd.client("run", "--detach", "--config", spec, from);
      try {
        await leases();
      } finally {
        await containerd.client("tasks", "kill", "--signal", "SIGKILL", from).catch(() => "");
        await pause(500);
        await containerd.client("tasks", "rm", from).catch(() => "");
        await containerd.client("containers", "rm", from).catch(() => "");
        await containerd.client("images", "unmount", rootfs).catch(() => "");
      }
    });
  });
});
