import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CliOptions } from "../support/cli.ts";
import { anotherDay } from "../support/clock.ts";
import { createNetwork, requestLease, serve } from "../support/dhcp.ts";
import { filesOf, type Listed } from "../support/fedora.ts";
import { run } from "../support/run.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "podman", "runc", "ip", "nsenter", "udhcpc");
const config = {
  path: "/etc/dhcp/dhcpd.conf",
  text: "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; default-lease-time 600; }\n",
};
const managers = ["dnf4", "dnf5"] as const;
const imageOf = (manager: string) => `localhost/standin-${manager}:44`;
const kinds = managers.flatMap((manager) => [
  { manager, kind: "scratch", args: ["scratch", "--from", "fedora", "--builder", imageOf(manager)] },
  { manager, kind: "fedora", args: ["fedora", "--base", imageOf(manager)] },
]);

describe.runIf(requireTools(...standInTools, "buildah", "skopeo"))("images of RPM packages", () => {
  let workshop: Workshop;
  let later: CliOptions;
  const built = new Map<string, BuiltImage>();
  const image = (kind: string, manager: string) => built.get(`${kind} ${manager}`)!;
  const build = async (args: readonly string[], options: CliOptions = {}) => {
    const { stdout, stderr, exitCode } = await workshop.run([...args, "--json"], options);
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
    return { images: (JSON.parse(stdout) as { images: readonly BuiltImage[] }).images, stderr };
  };

  beforeAll(async () => {
    const world = await standIn();
    workshop = await createWorkshop();
    later = await anotherDay(workshop.store.directory);
    for (const manager of managers) await loadBase(world.base[manager], imageOf(manager), workshop.store.env);
    for (const { manager, kind, args } of kinds) {
      const { images } = await build([...args, "--arch", "x86_64", "--name", `localhost/${kind}-${manager}`]);
      built.set(`${kind} ${manager}`, images[0]!);
    }
  }, 900_000);
  afterAll(() => workshop?.[Symbol.asyncDispose]());

  describe.each(kinds)("$kind with $manager", ({ kind, manager, args }) => {
    it("has its tags, and a version that is the package's", () => {
      const { arch, references, packages } = image(kind, manager);
      const name = `localhost/${kind}-${manager}`;
      expect(arch).toBe("x86_64");
      expect(references).toEqual([`${name}:4.4.3-x86_64`, `${name}:latest-x86_64`]);
      expect(packages.find((each) => each.name === "dhcp-server")).toEqual({
        name: "dhcp-server",
        version: "12:4.4.3-27.P1.fc44",
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
    });

    const again = [...args, "--arch", "x86_64", "--name", `localhost/${kind}-${manager}`];

    it("needs no work the second time", async () => {
      const second = await build(again);
      expect(second).toEqual({ images: [image(kind, manager)], stderr: expect.stringContaining("nothing to do") });
    });

    it.runIf(requireTools("faketime"))("is built again when forced, on another day, to the same ID", async () => {
      expect((await build([...again, "--force"], later)).images).toEqual([image(kind, manager)]);
    });

    it("has the sizes that it is told to have", async () => {
      const files = await filesOf(image(kind, manager).id, workshop.store);
      expect(files).toHaveLength(image(kind, manager).files);
      const bytes = files.filter(({ mode }) => mode[0] === "-").reduce((sum, { size }) => sum + size, 0);
      expect(bytes).toBe(image(kind, manager).size);
    });

    it("is defined as the other kind is: user, command, ports", async () => {
      const [inspected] = JSON.parse(
        await run(["podman", "image", "inspect", image(kind, manager).id], { env: workshop.store.env }),
      );
      expect(inspected).toMatchObject({ Architecture: "amd64", Os: "linux", User: "177:177" });
      expect([...inspected.Config.Entrypoint, ...inspected.Config.Cmd].join(" ")).toBe(
        "/usr/sbin/dhcpd -4 -f -d --no-pid -cf /etc/dhcp/dhcpd.conf -lf /var/lib/dhcpd/dhcpd.leases",
      );
      expect(Object.keys(inspected.Config.ExposedPorts)).toEqual(["67/udp"]);
    });

    it.runIf(canServe)("gives a client a lease, as user 177 with two capabilities and a read-only root", async () => {
      await using network = await createNetwork("192.0.2.1/24");
      await using _server = await serve({
        ...{ store: workshop.store, network, image: image(kind, manager).id, config },
        capabilities: ["NET_RAW", "NET_BIND_SERVICE"],
        options: ["--volume", "/var/lib/dhcpd"],
      });
      expect(await requestLease(network)).toMatchObject({ address: "192.0.2.100", server: "192.0.2.1", seconds: 600 });
    });
  });

  it("from scratch is the same image whichever dnf chose the packages", () => {
    expect(image("scratch", "dnf4").id).toBe(image("scratch", "dnf5").id);
  });

  describe("from scratch", () => {
    let files: readonly Listed[];
    beforeAll(async () => {
      files = await filesOf(image("scratch", "dnf5").id, workshop.store);
    });

    it("has what its own loader would load and the lease file, and nothing else", async () => {
      const { env } = workshop.store;
      const container = await run(["buildah", "from", "--pull-never", image("scratch", "dnf5").id], { env });
      try {
        const root = await run(["buildah", "mount", container], { env });
        const loader = await run(["chroot", root, "/lib64/ld-linux-x86-64.so.2", "--list", "/usr/sbin/dhcpd"]);
        const loaded = [...loader.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
        expect(loaded.length).toBeGreaterThan(10);
        const needed = await Promise.all([...loaded, "/usr/sbin/dhcpd"].map((file) => realpath(path.join(root, file))));
        const expected = new Set([...needed.map((file) => file.slice(root.length)), "/var/lib/dhcpd/dhcpd.leases"]);
        const regular = files.filter(({ mode }) => mode[0] === "-");
        expect(regular.map((file) => file.path).sort()).toEqual([...expected].sort());
        const sizes = await Promise.all([...expected].map(async (file) => (await stat(path.join(root, file))).size));
        expect(image("scratch", "dnf5").size).toBe(sizes.reduce((sum, size) => sum + size, 0));
      } finally {
        await run(["buildah", "rm", container], { env });
      }
    });

    it("has its program in the merged directory, and the links that lead there", () => {
      const links = files.filter(({ mode }) => mode[0] === "l").map((file) => file.path);
      expect(links).toEqual(expect.arrayContaining(["/lib64", "/usr/sbin"]));
      expect(files.find((file) => file.path === "/usr/bin/dhcpd")).toMatchObject({ mode: "-rwxr-xr-x", owner: "0/0" });
      expect(files.find((file) => file.path === "/var/lib/dhcpd/dhcpd.leases")).toMatchObject({
        mode: "-rw-r-----",
        owner: "177/177",
        size: 0,
      });
    });

    it("took the library that the solver would take of two, and no 32-bit package", () => {
      const names = image("scratch", "dnf4").packages.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(["cyrus-sasl-lib", "libidn2", "glibc"]));
      expect(names).not.toContain("application-with-sasl");
      expect(names).not.toContain("libidn2-compat");
    });

    it("is made for all architectures at once, and the foreign one answers under emulation", async () => {
      const args = [
        "scratch",
        "--from",
        "fedora",
        "--builder",
        imageOf("dnf5"),
        "--name",
        "localhost/all",
        "--arch",
        "all",
      ];
      const { images } = await build(args);
      expect(images.map(({ arch }) => arch).sort()).toEqual(["aarch64", "x86_64"]);
      expect(images.find(({ arch }) => arch === "x86_64")?.id).toBe(image("scratch", "dnf5").id);
      if (!requireTools("root", "podman", "runc", "update-binfmts")) return;
      const foreign = images.find(({ arch }) => arch === "aarch64")!;
      expect(foreign.references[0]).toBe("localhost/all:4.4.3-aarch64");
      const start = ["podman", "run", "--rm", "--network", "none", "--read-only", foreign.id, "--version"];
      const answer = await run(["sh", "-c", 'exec "$@" 2>&1', "sh", ...start], { env: workshop.store.env });
      expect(answer).toMatch(/isc-dhcpd-4\./);
    });
  });

  describe.each(managers)("based on a base with %s", (manager) => {
    it("has no documentation, no weak dependency, no cache and no log", async () => {
      const files = (await filesOf(image("fedora", manager).id, workshop.store)).map((file) => file.path);
      expect(files).toContain("/usr/bin/dhcpd");
      expect(files.filter((file) => /^\/usr\/share\/(doc|man)\/.*dhcp/.test(file))).toEqual([]);
      expect(files.filter((file) => /^\/(mnt|var\/cache\/(lib)?dnf5?|var\/log)\/./.test(file))).toEqual([]);
      expect(image("fedora", manager).packages.map(({ name }) => name)).not.toContain("iputils");
    });

    it("has the state directory that only tmpfiles.d would make", async () => {
      const files = await filesOf(image("fedora", manager).id, workshop.store);
      expect(files.find((file) => file.path === "/var/lib/dhcpd/dhcpd.leases")).toMatchObject({ owner: "177/177" });
    });
  });

  it.runIf(requireTools("faketime"))(
    "another day is one in containers, too, so that the builds on it prove something",
    async () => {
      const { env } = workshop.store;
      const container = await run(["buildah", "from", "--pull-never", imageOf("dnf5")], { env });
      const date = ["buildah", "run", "--isolation", "chroot", container, "date", "+%s"];
      try {
        const seconds = Number(await run(["env", ...later.through!, ...date], { env: { ...env, ...later.env } }));
        expect(seconds - Date.now() / 1000).toBeGreaterThan(399 * 24 * 60 * 60);
      } finally {
        await run(["buildah", "rm", container], { env });
      }
    },
  );

  it("leave nothing behind", async () => {
    expect(await workshop.leftovers()).toEqual([]);
  });
});
