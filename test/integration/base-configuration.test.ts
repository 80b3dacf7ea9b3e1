import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../support/run.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const plain = "localhost/standin:44";
const laden = "localhost/laden:44";

/** What podman, Docker and image builders take from a base's configuration. */
const carried = [
  ...["--label", "run=podman run --privileged IMAGE", "--label", "io.containers.autoupdate=registry"],
  ...["--annotation", "run.oci.keep_original_groups=1"],
  ...["--env", "LD_PRELOAD=/opt/keylogger.so", "--env", "container=oci"],
  ...["--port", "22/tcp", "--volume", "/srv/data", "--stop-signal", "SIGQUIT"],
  ...["--user", "nobody", "--workingdir", "/srv", "--author", "somebody"],
  ...["--entrypoint", '["/entry"]', "--cmd", '["serve"]'],
  ...["--healthcheck", "CMD /bin/true", "--onbuild", "ENV ONBUILT=1", "--shell", "/bin/bash -c"],
];

describe.runIf(requireTools(...standInTools, "buildah"))("an OS-based image of a base that has everything", () => {
  let workshop: Workshop;
  let stderr = "";
  const inspect = async (image: string) => {
    const described = await run(["buildah", "inspect", "--type", "image", image], { env: workshop.env });
    const { Config, Manifest } = JSON.parse(described);
    return { config: JSON.parse(Config), manifest: JSON.parse(Manifest) };
  };

  beforeAll(async () => {
    workshop = await createWorkshop();
    const { env } = workshop;
    await loadBase((await standIn()).base.dnf4, plain, workshop.store.env);
    for (const [format, name] of [
      ["docker", laden],
      ["oci", "localhost/laden-oci:44"],
    ] as const) {
      const container = await run(["buildah", "from", "--format", format, plain], { env });
      await run(["buildah", "config", ...carried, container], { env });
      await run(["buildah", "commit", "--quiet", "--rm", "--format", format, container, name], { env });
      const ended = await workshop.run(["fedora", "--arch", "x86_64", "--base", name, "--name", `localhost/${format}`]);
      if (ended.exitCode !== 0) throw new Error(ended.stderr);
      stderr = format === "docker" ? ended.stderr : stderr;
    }
  }, 900_000);
  afterAll(() => workshop?.[Symbol.asyncDispose]());

  it.each(["docker", "oci"])(
    "has the recipe's configuration and the base's PATH, and nothing else (%s)",
    async (name) => {
      const { config, manifest } = await inspect(`localhost/${name}:latest-x86_64`);
      expect(config.config).toEqual({
        User: "177:177",
        ExposedPorts: { "67/udp": {} },
        Env: [expect.stringMatching(/^PATH=\//)],
        Entrypoint: ["/usr/sbin/dhcpd"],
        Cmd: expect.arrayContaining(["-cf", "/etc/dhcp/dhcpd.conf"]),
        Volumes: { "/var/lib/dhcpd": {} },
        WorkingDir: "/",
        Labels: {
          "org.opencontainers.image.licenses": "MPL-2.0",
          "org.opencontainers.image.title": "ISC DHCP server",
          "org.opencontainers.image.version": "4.4.3",
        },
      });
      expect(Object.keys(config).sort()).toEqual(["architecture", "config", "created", "history", "os", "rootfs"]);
      expect(config.history).toHaveLength(config.rootfs.diff_ids.length);
      expect(Object.keys(manifest.annotations).filter((key) => !key.startsWith("org.opencontainers.image."))).toEqual(
        [],
      );
    },
  );

  it("the build reports once what is not inherited", () => {
    const lines = stderr.split("\n").filter((line) => line.includes("does not inherit"));
    expect(lines).toHaveLength(1);
    for (const word of ["LD_PRELOAD", "container", "run", "io.containers.autoupdate", "22/tcp", "/srv/data"])
      expect(lines[0]).toContain(word);
    for (const word of ["StopSignal", "Healthcheck", "OnBuild", "Shell"]) expect(lines[0]).toContain(word);
    expect(lines[0]).not.toContain("keylogger");
  });

  it("verify finds its configuration right", async () => {
    const { stdout } = await workshop.run(["verify", "localhost/docker:latest-x86_64", "--allow-skip"]);
    expect(stdout).toMatch(/^ok .*it is configured as its record says/m);
  });

  it("diff compares what the images really have, and prints no size", async () => {
    const { env } = workshop;
    const container = await run(["buildah", "from", "localhost/docker:latest-x86_64"], { env });
    await run(["buildah", "config", ...carried, container], { env });
    await run(["buildah", "commit", "--quiet", "--rm", "--format", "oci", container, "localhost/changed:1"], { env });
    const { stdout } = await workshop.run(["diff", "localhost/docker:latest-x86_64", "localhost/changed:1"]);
    for (const row of ["+ StopSignal  SIGQUIT", "+ env LD_PRELOAD", "+ label run", "~ ports  67/udp -> 22/tcp 67/udp"])
      expect(stdout).toContain(row);
    for (const row of [
      "~ user  177:177 -> nobody",
      "~ command",
      "~ working directory  / -> /srv",
      "+ annotation run.oci",
    ])
      expect(stdout).toContain(row);
    expect(stdout).not.toMatch(/^size/m);
  });
});
