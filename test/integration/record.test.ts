import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BuildRecord } from "../../src/report/record.ts";
import { readRecord } from "../../src/report/record-text.ts";
import { type AptRepository, createAptRepository } from "../support/apt-repository.ts";
import { createNetwork, type Network } from "../support/dhcp.ts";
import { type Registry, startRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { type Daemon, startDocker } from "../support/runtimes.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const ready = requireTools("root", "buildah", "podman", "skopeo", "apt-get", "dpkg-deb", "gpg");
const canCarry = requireTools("docker-registry", "dockerd", "docker", "ip", "nsenter");
const image = "localhost/dhcpd:latest-x86_64";

describe.runIf(ready)("the record of an image", () => {
  let workshop: Workshop;
  let repository: AptRepository;
  let work = "";
  const why = async (name: string) => {
    const { stdout, stderr, exitCode } = await workshop.run(["why", name, "--json"]);
    if (exitCode !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as { readonly entries: readonly { readonly path: string }[] };
  };
  const configOf = async (name: string) => {
    const described = await run(["buildah", "inspect", "--type", "image", name], { env: workshop.env });
    return JSON.parse(JSON.parse(described).Config);
  };
  const recipeOf = (name: string, command: readonly string[], scratch: object) => {
    const file = path.join(work, `${name}.yaml`);
    const common = { name, title: name, license: "MIT", arches: ["x86_64"], service: { command, user: "0:0" } };
    writeFileSync(file, JSON.stringify({ ...common, scratch }));
    return file;
  };

  beforeAll(async () => {
    work = mkdtempSync(path.join(tmpdir(), "record-"));
    const many = path.join(work, "many");
    for (let directory = 0; directory < 200; directory++) {
      const place = path.join(many, "usr/share/many", String(directory));
      mkdirSync(place, { recursive: true });
      for (let file = 0; file < 100; file++) writeFileSync(path.join(place, `file-${file}`), `${directory} ${file}`);
    }
    repository = createAptRepository([{ name: "many", content: { directory: many } }]);
    workshop = await createWorkshop();
    for (const recipe of ["dhcpd", "kea-dhcp4"]) await workshop.build(["--recipe", recipe, "--arch", "x86_64"]);
  });
  afterAll(async () => {
    await workshop[Symbol.asyncDispose]();
    repository[Symbol.dispose]();
    rmSync(work, { recursive: true, force: true });
  });

  it.each([
    ["dhcpd", 2048],
    ["kea-dhcp4", 24 * 1024],
  ])("takes little room in the configuration of %s: at most %i bytes", async (recipe, most) => {
    const config = await configOf(`localhost/${recipe}:latest-x86_64`);
    expect(readRecord(config)).toMatchObject({ plan: { recipe } });
    expect(Buffer.byteLength(JSON.stringify(config.history))).toBeLessThanOrEqual(most);
    expect(Object.keys(config.config.Labels).filter((name) => !name.startsWith("org.opencontainers."))).toEqual([]);
  });

  it("is no argument, and in no line of the log", async () => {
    const { stderr } = await workshop.run(["scratch", "--arch", "x86_64", "--force", "--verbose"]);
    expect(stderr).toContain("buildah commit");
    expect(stderr).not.toContain("dhcpd-build record");
    expect(Math.max(...stderr.split("\n").map((line) => line.length))).toBeLessThan(2000);
  });

  it("has the version of the service's package, and not that of the first path", async () => {
    const recipe = recipeOf("with-shell", ["/usr/sbin/dhcpd"], {
      binaries: ["/bin/sh", "dhcpd"],
      packages: { debian: ["dash", "isc-dhcp-server"] },
    });
    const [built] = await workshop.build(["--recipe", recipe, "--arch", "x86_64"]);
    expect(built?.references[0]).toBe("localhost/with-shell:4.4.3-P1-x86_64");
  });

  it("is readable of an image of 20,000 files", async () => {
    const recipe = recipeOf("many", ["/bin/sh"], {
      binaries: ["/bin/sh"],
      include: ["/usr/share/many"],
      packages: { debian: ["dash", "many"] },
    });
    const [built] = await workshop.build(["--recipe", recipe, "--arch", "x86_64"], { env: repository.env });
    expect(built?.files).toBeGreaterThan(20_000);
    const { stdout } = await workshop.run(["why", "localhost/many:latest-x86_64", "/usr/share/many/199/file-99"]);
    expect(stdout).toContain("the recipe asks for this file");
    expect((await why("localhost/many:latest-x86_64")).entries.length).toBeGreaterThan(20_000);
  }, 600_000);

  it("is left neither with a draft nor with a working container", async () => {
    const { stdout } = await workshop.run(["clean"]);
    expect(stdout).toBe("");
    const images = await run(["buildah", "images", "--json"], { env: workshop.env });
    expect(images).not.toContain("localhost/dhcpd-build-");
    // No image without a name is left either.
    expect(JSON.parse(images).filter(({ names }: { names?: string[] }) => (names ?? []).length === 0)).toEqual([]);
  });

  it("two equal builds at once both succeed, and make the same image", async () => {
    const names = ["localhost/one", "localhost/two", "localhost/three"];
    const built = await Promise.all(
      names.map((name) => workshop.build(["--arch", "x86_64", "--force", "--name", name])),
    );
    expect(new Set(built.map(([each]) => each?.id)).size).toBe(1);
  });

  describe.runIf(canCarry)("travels", () => {
    let network: Network;
    let registry: Registry;
    let docker: Daemon;
    const inNetwork = (...words: readonly [string, ...string[]]) => run(network.atServer(words), { env: workshop.env });
    beforeAll(async () => {
      network = await createNetwork("192.0.2.1/24");
      registry = await startRegistry({ through: network.atServer });
      docker = await startDocker(network);
    });
    afterAll(async () => {
      await docker[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
    });

    const file = (name: string) => path.join(work, name);
    const store = () =>
      `containers-storage:[overlay@${workshop.store.directory}/graph+${workshop.store.directory}/run]`;

    it("through podman, in the manifest of OCI and in Docker's", async () => {
      for (const format of ["oci", "v2s2"]) {
        const name = `${registry.host}/podman-${format}:1`;
        await inNetwork("podman", "push", "--quiet", "--tls-verify=false", "--format", format, image, name);
        await inNetwork("podman", "pull", "--quiet", "--tls-verify=false", name);
        expect(await why(name)).toEqual(await why(image));
      }
      await run(["podman", "save", "--quiet", "--format", "docker-archive", "-o", file("podman.tar"), image], {
        env: workshop.env,
      });
    });

    it("through Docker: loaded, pushed, pulled and saved", async () => {
      const name = `${registry.host}/docker:1`;
      await docker.client("load", "--input", file("podman.tar"));
      await docker.client("tag", image, name);
      await docker.client("push", "--quiet", name);
      await docker.client("rmi", "--force", name, image);
      await docker.client("pull", "--quiet", name);
      await docker.client("save", "--output", file("docker.tar"), name);
      await inNetwork("podman", "pull", "--quiet", "--tls-verify=false", name);
      const pulled = await why(name);
      await run(["podman", "rmi", name], { env: workshop.env });
      await run(["podman", "load", "--quiet", "--input", file("docker.tar")], { env: workshop.env });
      expect([await why(name), pulled]).toEqual([await why(image), await why(image)]);
    });

    it("through skopeo, in archives of both kinds and in both manifests", async () => {
      const carried = [`docker-archive:${file("skopeo.tar")}:localhost/carried:1`, `oci:${file("layout")}:1`];
      for (const place of carried) {
        await run(["skopeo", "copy", "--quiet", `${store()}${image}`, place], { env: workshop.env });
        const name = `localhost/carried-${place.split(":")[0]}:1`;
        const words = ["--quiet", "--format", "v2s2", place, `${store()}${name}`];
        await run(["skopeo", "copy", ...words], { env: workshop.env });
        expect(await why(name)).toEqual(await why(image));
      }
    });
  });

  it("of the version before is still read: why, sbom, diff and verify", async () => {
    const former = "localhost/former:1";
    const config = await configOf(image);
    const record = readRecord(config);
    const container = await run(["buildah", "from", image], { env: workshop.env });
    const mounted = await run(["buildah", "mount", container], { env: workshop.env });
    const made = await run(["buildah", "from", "scratch"], { env: workshop.env });
    await run(["tar", "-C", mounted, "--numeric-owner", "-cf", file("former.tar"), "."]);
    await run(["buildah", "add", "--quiet", made, file("former.tar"), "/"], { env: workshop.env });
    const { User, Entrypoint, Cmd, Labels } = config.config;
    const labels = Object.entries({ ...Labels, ...formerLabels(record!) });
    await run(
      [
        ...(["buildah", "config", "--user", User, "--workingdir", "/", "--port", "67/udp"] as const),
        ...["--volume", "/var/lib/dhcpd", "--entrypoint", JSON.stringify(Entrypoint), "--cmd", JSON.stringify(Cmd)],
        ...labels.flatMap(([name, value]) => ["--label", `${name}=${value}`]),
        made,
      ],
      { env: workshop.env },
    );
    const commit = [
      "buildah",
      "commit",
      "--quiet",
      "--rm",
      "--identity-label=false",
      "--omit-history",
      made,
      former,
    ] as const;
    await run(commit, { env: workshop.env });
    await run(["buildah", "rm", container], { env: workshop.env });
    expect(await why(former)).toEqual(await why(image));
    for (const format of ["cyclonedx", "spdx"])
      expect(await workshop.run(["sbom", former, "--format", format])).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await workshop.run(["diff", former, image])).stdout).toBe("no difference\n");
    const verified = await workshop.run(["verify", former, "--allow-skip"]);
    expect(verified.stdout).toContain("it is configured as its record says");
    expect(verified).toMatchObject({ exitCode: 0 });
  });

  function file(name: string): string {
    return path.join(work, name);
  }
});

/** A record as version 2 had it, in labels of at most 4096 bytes. */
function formerLabels({
  plan: { unproven, ...plan },
  entries,
  ...rest
}: BuildRecord): Readonly<Record<string, string>> {
  const former = {
    recordVersion: 2,
    ...rest,
    plan: { ...plan, accept: unproven, considered: [], include: [], plugins: [], dlopen: {}, binaries: ["dhcpd"] },
    entries: entries.map((entry) => (entry.sha256 === undefined ? entry : { ...entry, sha1: "0".repeat(40) })),
  };
  const parts = JSON.stringify(former).match(/.{1,4000}/gs) ?? [];
  return Object.fromEntries(
    parts.map((part, index) => [index === 0 ? "dhcpd-build.record" : `dhcpd-build.record.${index}`, part]),
  );
}
