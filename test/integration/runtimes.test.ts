import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostArch } from "../../src/system/arch.ts";
import { createNetwork, type Network, requestLease, serve } from "../support/dhcp.ts";
import { type Registry, startRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { type Daemon, makeState, startContainerd, startDocker, writeSpec } from "../support/runtimes.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const ready = requireTools(
  ...["root", "buildah", "podman", "runc", "catatonit", "docker-registry", "dockerd", "docker", "containerd", "ctr"],
  ...["ip", "nsenter", "udhcpc"],
);
const canMakeBase = requireTools(...standInTools);
const configFile = "/etc/dhcp/dhcpd.conf";
const stateDirectory = "/var/lib/dhcpd";
const config = "authoritative;\nsubnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; }\n";
const capabilities = ["NET_RAW", "NET_BIND_SERVICE"];
const withoutTls = "--tls-verify=false";

type Kind = "scratch" | "OS-based";
/** Where a runtime takes an image from: the registry, or an archive of either form. */
type From = "registry" | "docker" | "oci";
const scratch = [
  ["scratch", "registry"],
  ["scratch", "docker"],
  ["scratch", "oci"],
] as const;
/** One archive of the large image will do. */
const osBased = canMakeBase
  ? ([
      ["OS-based", "registry"],
      ["OS-based", "docker"],
    ] as const)
  : [];

describe.runIf(ready)("the image starts and serves", () => {
  let workshop: Workshop;
  let network: Network;
  let registry: Registry;
  let settings: string;
  const ids = new Map<Kind, string>();
  const fileOf = (kind: Kind, from: From) => path.join(workshop.store.directory, `${kind}-${from}.tar`);
  const nameOf = (kind: Kind, from: From) =>
    from !== "registry"
      ? `localhost/carried-${kind.toLowerCase()}:1`
      : `${registry.host}/group/${kind === "scratch" ? "dhcpd:latest" : "dhcpd-fedora:latest-x86_64"}`;

  beforeAll(async () => {
    [workshop, network] = await Promise.all([createWorkshop(), createNetwork("192.0.2.1/24")]);
    registry = await startRegistry({ through: network.atServer });
    settings = path.join(workshop.store.directory, "dhcpd.conf");
    await writeFile(settings, config);
    const succeed = async (args: readonly string[], through: readonly string[] = []) => {
      const { exitCode, stdout, stderr } = await workshop.run(args, { through });
      if (exitCode !== 0) throw new Error(stderr);
      return stdout;
    };
    const offer = async (kind: Kind, built: string, name: string, archives: readonly From[]) => {
      const { images } = JSON.parse(built) as { images: readonly BuiltImage[] };
      const { id } = images.find(({ arch }) => arch === hostArch())!;
      ids.set(kind, id);
      await succeed(["push", name, `${registry.host}/group/${name}`, withoutTls], network.atServer([]));
      for (const from of archives) {
        const to = `${from}-archive:${fileOf(kind, from)}:${nameOf(kind, from)}`;
        await run(["buildah", "push", "--quiet", id, to], { env: workshop.env });
      }
    };
    const small = await succeed(["scratch", "--arch", "all", "--json"]);
    await succeed(["index", "dhcpd"]);
    await offer("scratch", small, "dhcpd", ["docker", "oci"]);
    if (!canMakeBase) return;
    await loadBase((await standIn()).base.dnf5, "localhost/standin:44", workshop.store.env);
    const full = await succeed(["fedora", "--base", "localhost/standin:44", "--arch", "x86_64", "--json"]);
    await offer("OS-based", full, "dhcpd-fedora", ["docker"]);
  }, 900_000);
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
    it.each([...scratch, ...osBased])(
      "%s, from %s, as its own user, with the image ID that was built",
      async (kind, from) => {
        await using other = await createWorkshop();
        const { env } = other.store;
        const name = nameOf(kind, from);
        if (from === "registry") await run(network.atServer(["podman", "pull", "--quiet", withoutTls, name]), { env });
        else await run(["podman", "load", "--quiet", "--input", fileOf(kind, from)], { env });
        const id = await run(["podman", "image", "inspect", "--format", "{{.Id}}", name], { env });
        // A Docker archive has another manifest and another configuration.
        if (from !== "docker") expect(`sha256:${id}`).toBe(ids.get(kind));
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

    it.each([...scratch.filter(([, from]) => from !== "oci"), ...osBased])("%s, from %s", async (kind, from) => {
      const name = nameOf(kind, from);
      if (from === "registry") await docker.client("pull", "--quiet", name);
      else await docker.client("load", "--quiet", "--input", fileOf(kind, from));
      expect(await docker.client("run", "--rm", "--network", "none", name, "--version")).toBe("");
      // Docker gives capabilities to root alone (no ambient ones), so that root it is, with two capabilities and its own directory.
      const state = await makeState(docker.directory, { uid: 0, gid: 0 });
      const container = `${kind}-${from}`;
      await docker.client(
        ...["run", "--detach", "--name", container, "--network", "host", "--init", "--read-only", "--user", "0:0"],
        ...["--cap-drop", "all", ...capabilities.flatMap((each) => ["--cap-add", each])],
        ...["--security-opt", "no-new-privileges", "--volume", `${settings}:${configFile}:ro`],
        ...["--volume", `${state}:${stateDirectory}`, name],
      );
      await leases();
      await docker.client("stop", "--time", "5", container);
      expect(await docker.client("inspect", "--format", "{{.State.ExitCode}}", container)).toBe("143");
    });
  });

  describe("under containerd", () => {
    let containerd: Daemon;
    beforeAll(async () => {
      containerd = await startContainerd(network);
    });
    afterAll(async () => containerd?.[Symbol.asyncDispose]());

    it.each([...scratch, ...osBased])("%s, from %s, as its own user", async (kind, from) => {
      const name = nameOf(kind, from);
      if (from === "registry") await containerd.client("images", "pull", "--plain-http", name);
      else {
        await containerd.client("images", "import", "--snapshotter", "overlayfs", fileOf(kind, from));
        expect(await containerd.client("images", "ls", "-q")).toContain(name);
      }
      const container = `${kind}-${from}`;
      const version = ["/usr/sbin/dhcpd", "--version"];
      await containerd.client("run", "--rm", "--read-only", name, `version-${container}`, ...version);
      const user = { uid: 177, gid: 177 };
      const state = await makeState(containerd.directory, user);
      const rootfs = `${state}-rootfs`;
      await run(["mkdir", rootfs]);
      // Writable, because the runtime makes the mount points for /proc and the like in it; the program sees it read-only.
      await containerd.client("images", "mount", "--rw", name, rootfs);
      const { Config } = JSON.parse(
        await run(["buildah", "inspect", "--type", "image", ids.get(kind)!], { env: workshop.env }),
      ) as { Config: string };
      const { Entrypoint, Cmd } = (JSON.parse(Config) as { config: { Entrypoint: string[]; Cmd: string[] } }).config;
      const spec = await writeSpec(containerd, {
        rootfs,
        args: [...Entrypoint, ...Cmd],
        user,
        capabilities: capabilities.map((each) => `CAP_${each}`),
        binds: { [configFile]: settings, [stateDirectory]: state },
      });
      await containerd.client("run", "--detach", "--config", spec, container);
      try {
        await leases();
      } finally {
        await containerd.client("tasks", "kill", "--signal", "SIGKILL", container).catch(() => "");
        await pause(500);
        await containerd.client("tasks", "rm", container).catch(() => "");
        await containerd.client("containers", "rm", container).catch(() => "");
        await containerd.client("images", "unmount", rootfs).catch(() => "");
      }
    });
  });
});
