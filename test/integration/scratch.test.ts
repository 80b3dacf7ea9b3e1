import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostArch } from "../../src/system/arch.ts";
import { createNetwork, requestLease, type ServeOptions, serve } from "../support/dhcp.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createUser } from "../support/user.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const canBuild = requireTools("buildah", "apt-get", "dpkg-deb");
const canServe = canBuild && requireTools("root", "podman", "runc", "ip", "nsenter", "udhcpc");

const configFile = "/etc/dhcp/dhcpd.conf";
const config = {
  path: configFile,
  text: "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; option routers 192.0.2.1; default-lease-time 600; }\n",
};

describe.runIf(canBuild)("the scratch image", () => {
  let workshop: Workshop;
  let images: ReadonlyMap<string, BuiltImage>;
  const image = (arch: string) => images.get(arch)!;
  const podman = (...args: readonly string[]) => run(["podman", ...args], { env: workshop.store.env });

  beforeAll(async () => {
    workshop = await createWorkshop();
    const built = await workshop.build(["--arch", "all"]);
    images = new Map(built.map((each) => [each.arch, each]));
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  it("is made for both architectures, each with its tags, and they are different images", () => {
    expect([...images.keys()].sort()).toEqual(["aarch64", "x86_64"]);
    for (const [arch, { references }] of images) {
      expect(references).toEqual([
        expect.stringMatching(new RegExp(`^localhost/dhcpd:\\d[\\w.-]*-${arch}$`)),
        `localhost/dhcpd:latest-${arch}`,
      ]);
    }
    expect(image("aarch64").id).not.toBe(image("x86_64").id);
  });

  it("holds the program, its libraries and its lease file, and nothing else", async () => {
    const container = await run(["buildah", "from", image("x86_64").id], { env: workshop.store.env });
    const tar = `${workshop.env.TMPDIR}/image.tar`;
    try {
      await run(["sh", "-c", 'tar -C "$(buildah mount "$0")" -cf "$1" .', container, tar], { env: workshop.store.env });
    } finally {
      await run(["buildah", "rm", container], { env: workshop.store.env });
    }
    const listed = (await run(["tar", "-tvf", tar, "--numeric-owner"]))
      .split("\n")
      .filter((line) => !line.startsWith("d"));
    const names = listed.map((line) => line.replace(/^(\S+) +(\S+) .*? \.(\/\S+)( -> .*)?$/, "$1 $2 $3$4")).sort();
    expect(names).toMatchInlineSnapshot(`
      [
        "-rw-r----- 177/177 /var/lib/dhcpd/dhcpd.leases",
        "-rwxr-xr-x 0/0 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "-rwxr-xr-x 0/0 /usr/lib/x86_64-linux-gnu/libc.so.6",
        "-rwxr-xr-x 0/0 /usr/sbin/dhcpd",
        "lrwxrwxrwx 0/0 /lib -> usr/lib",
        "lrwxrwxrwx 0/0 /lib64 -> usr/lib64",
        "lrwxrwxrwx 0/0 /usr/lib64/ld-linux-x86-64.so.2 -> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
      ]
    `);
    expect(listed).toHaveLength(image("x86_64").files);
    const bytes = listed.filter((line) => line.startsWith("-")).map((line) => Number(line.split(/ +/)[2]));
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBe(image("x86_64").size);
    expect(image("x86_64").size).toBeLessThan(5_400_000);
    await run(["rm", tar]);
  });

  it("has the architecture, user and command of the plan in its configuration", async () => {
    for (const [arch, oci] of [
      ["x86_64", "amd64"],
      ["aarch64", "arm64"],
    ] as const) {
      const [inspected] = JSON.parse(await podman("image", "inspect", image(arch).id));
      expect(inspected).toMatchObject({ Architecture: oci, Os: "linux", User: "177:177" });
      expect([...inspected.Config.Entrypoint, ...inspected.Config.Cmd].join(" ")).toBe(
        "/usr/sbin/dhcpd -4 -f -d --no-pid -cf /etc/dhcp/dhcpd.conf -lf /var/lib/dhcpd/dhcpd.leases",
      );
      expect(Object.keys(inspected.Config.ExposedPorts)).toEqual(["67/udp"]);
      expect(inspected.Labels).toMatchObject({
        "org.opencontainers.image.title": "ISC DHCP server",
        "org.opencontainers.image.licenses": "MPL-2.0",
        "org.opencontainers.image.version": expect.stringMatching(/^\d/),
      });
      expect(Object.keys(inspected.Annotations ?? {})).not.toContain("org.opencontainers.image.base.name");
    }
  });

  it("is the same, ID and digest, when it is built again in another store with another driver", async () => {
    await using other = await createWorkshop({ driver: "vfs" });
    const [again] = await other.build(["--arch", "x86_64"], {
      env: { TZ: "Asia/Tokyo", SOURCE_DATE_EPOCH: undefined },
    });
    expect(again?.id).toBe(image("x86_64").id);
    const digest = async ({ store }: Workshop) => {
      const listed = JSON.parse(await run(["buildah", "images", "--json", "--no-trunc"], { env: store.env }));
      return listed.find(({ id }: { id: string }) => `sha256:${id.replace("sha256:", "")}` === again?.id)?.digest;
    };
    expect(await digest(other)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await digest(other)).toBe(await digest(workshop));
  });

  it("needs no work the second time, and is built again when forced, to the same ID", async () => {
    const again = await workshop.run(["scratch", "--arch", "x86_64"]);
    expect(again).toMatchObject({ exitCode: 0, stdout: `${image("x86_64").references[0]}\n` });
    expect(again.stderr).toContain("nothing to do");
    const [forced] = await workshop.build(["--arch", "x86_64", "--force"]);
    expect(forced).toEqual(image("x86_64"));
  });

  it.runIf(requireTools("root", "setpriv", "useradd", "newuidmap"))(
    "is the same when an ordinary user builds it",
    async () => {
      await using user = await createUser();
      const program = await user.installProgram();
      const [command, ...rest] = user.as([process.execPath, program, "scratch", "--arch", "x86_64", "--json"]);
      const { images: built } = JSON.parse(await run([command, ...rest], { cwd: user.home })) as {
        images: BuiltImage[];
      };
      expect(built[0]?.id).toBe(image("x86_64").id);
    },
  );

  it.runIf(requireTools("root", "podman", "runc", "update-binfmts"))(
    "runs on the other architecture: version and configuration check under emulation",
    async () => {
      const file = `${workshop.env.TMPDIR}/dhcpd.conf`;
      await run(["tee", file], { input: config.text });
      const start = ["run", "--rm", "--network", "none", "--read-only", "--volume", `${file}:${configFile}:ro`];
      const other = image(hostArch() === "x86_64" ? "aarch64" : "x86_64").id;
      const both = async (...args: readonly string[]) =>
        run(["sh", "-c", 'exec "$@" 2>&1', "sh", "podman", ...start, other, ...args], { env: workshop.store.env });
      expect(await both("--version")).toMatch(/isc-dhcpd-4\./);
      expect(await both("-t", "-cf", configFile)).toContain("Config file: /etc/dhcp/dhcpd.conf");
      await run(["rm", file]);
    },
  );

  describe.runIf(canServe)("serves", () => {
    const options = (): Pick<ServeOptions, "store" | "image" | "config" | "capabilities"> => ({
      store: workshop.store,
      image: image(hostArch()!).references[0]!,
      config,
      capabilities: ["NET_RAW", "NET_BIND_SERVICE"],
    });

    it("a lease, as user 177 with two capabilities and a read-only root", async () => {
      await using network = await createNetwork("192.0.2.1/24");
      await using server = await serve({ ...options(), network, options: ["--volume", "/var/lib/dhcpd"] });
      expect(await requestLease(network)).toEqual({
        address: "192.0.2.100",
        mask: "255.255.255.0",
        server: "192.0.2.1",
        seconds: 600,
        router: "192.0.2.1",
      });
      const status = await readFile(
        `/proc/${await podman("inspect", "--format", "{{.State.Pid}}", server.container)}/status`,
        "utf8",
      );
      expect(status).toMatch(/^Uid:\t177\t177\t177\t177$/m);
      expect(status).toMatch(/^Gid:\t177\t177\t177\t177$/m);
      // Bits 10 and 13 of capabilities(7), and no way to more.
      expect(status).toMatch(/^CapPrm:\t0000000000002400$/m);
      expect(status).toMatch(/^CapBnd:\t0000000000002400$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    });

    it("stops at once under an init, and remembers the lease in the next container", async () => {
      await using network = await createNetwork("192.0.2.1/24");
      const volume = ["--init", "--volume", "leases:/var/lib/dhcpd"];
      let first: string;
      {
        await using server = await serve({ ...options(), network, options: volume });
        first = (await requestLease(network, { address: "192.0.2.150" })).address;
        expect(await server.stop()).toBe(143);
      }
      await using server = await serve({ ...options(), network, options: volume });
      expect(await server.logs()).toContain("Wrote 1 leases to leases file.");
      expect((await requestLease(network)).address).toBe(first);
    });

    it("nothing with one capability less", async () => {
      await using network = await createNetwork("192.0.2.1/24");
      await using server = await serve({ ...options(), network, capabilities: ["NET_BIND_SERVICE"] });
      await podman("wait", server.container);
      expect(await server.logs()).toMatch(/Operation not permitted/);
    });
  });

  it("leaves nothing behind", async () => {
    expect(await workshop.leftovers()).toEqual([]);
  });
});
