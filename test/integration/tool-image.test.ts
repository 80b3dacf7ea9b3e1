import { randomBytes } from "node:crypto";
import { cp, mkdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDirectory } from "../support/cli.ts";
import { run } from "../support/run.ts";
import type { Store } from "../support/store.ts";
import { toolBase } from "../support/tool-base.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const image = "localhost/dhcpd-build";

/** This machine's package lists, keys and settings, so that inside and outside the same packages are to be had. */
const hostApt = ["/etc/apt:/etc/apt:ro", "/usr/share/keyrings:/usr/share/keyrings:ro"];

const able = requireTools("root", "podman", "buildah", "runc", "skopeo", "mmdebstrap", "apt-get", "dpkg-deb");
describe.runIf(able)("the image of the tool itself", () => {
  let workshop: Workshop;
  let store: Store;
  let directory: string;
  let inside: BuiltImage;

  /**
   * `podman run` as the README has it: no capability, device or security option is added to podman's own defaults. A volume is named
   * after its place inside. The host's network is a matter of this machine, which has no network plug-ins for podman.
   */
  function tool(args: readonly string[], options: readonly string[] = []): Promise<string> {
    const volumes = [
      "tool-store:/home/builder/.local/share/containers",
      "tool-cache:/home/builder/.cache/dhcpd-build",
      "tool-out:/out",
      ...hostApt,
    ];
    return run(
      [
        ...(["podman", "run", "--rm", "--network", "host"] as const),
        ...volumes.flatMap((volume) => ["--volume", volume]),
        ...options,
        image,
        ...args,
      ],
      { env: store.env },
    );
  }

  beforeAll(async () => {
    workshop = await createWorkshop();
    store = workshop.store;
    directory = path.join(tmpdir(), `tool-image-${randomBytes(6).toString("hex")}`);
    await mkdir(directory);
    await run(["podman", "import", "--quiet", await toolBase(), "localhost/base:trixie"], { env: store.env });
    // The README's `podman build`, by the program that podman has built in, with what this machine's containers can do.
    await run(
      [
        ...(["buildah", "build", "--quiet", "--isolation", "chroot", "--network", "host"] as const),
        ...["--build-arg", "BASE=localhost/base:trixie", "--file", ".ci/tool/Containerfile", "--tag", image, "."],
      ],
      { env: store.env, cwd: projectDirectory },
    );
    [inside] = (JSON.parse(await tool(["scratch", "--json"])) as { images: [BuiltImage] }).images;
  });
  afterAll(async () => {
    await workshop[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  it("runs as an ordinary user without a capability", async () => {
    const status = await tool(["/proc/self/status"], ["--entrypoint", "cat"]);
    expect(status).toMatch(/^Uid:\t1000\t/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
  });

  it("says that it can build", async () => {
    expect(await tool(["doctor", "--json"])).toContain('"build scratch images of Debian packages"');
  });

  it("hands the image over through a volume, and podman has it under the same ID", async () => {
    await tool(["push", "localhost/dhcpd", "oci:/out/dhcpd"]);
    const volume = await run(["podman", "volume", "inspect", "--format", "{{.Mountpoint}}", "tool-out"], {
      env: store.env,
    });
    // podman makes a name of the path, which must then be in lower case; this test's store is not.
    await cp(path.join(volume, "dhcpd"), path.join(directory, "layout"), { recursive: true });
    const source = `oci:${directory}/layout:latest-x86_64`;
    const pulled = await run(["podman", "pull", "--quiet", source], { env: store.env });
    expect(`sha256:${pulled}`).toBe(inside.id);
    const started = run(["podman", "run", "--rm", "--network", "none", pulled, "--version"], { env: store.env });
    // podman hands on the container's stderr; dhcpd's version is there.
    await expect(started).resolves.toBeDefined();
  });

  it("builds what this machine builds outside", async () => {
    const [outside] = (await workshop.build()) as [BuiltImage];
    expect(inside).toEqual({ ...outside, id: inside.id });
    const [ours, theirs] = await Promise.all([unpacked(outside.id, "outside"), unpacked(inside.id, "inside")]);
    expect(theirs).toEqual(ours);
    // Before 1.39 buildah writes the file's type into the modes of the layer's tar: another digest of the same files.
    const [, minor] = /version 1\.(\d+)/.exec(await run(["buildah", "--version"])) ?? [];
    if (Number(minor) >= 39) expect(inside.id).toBe(outside.id);
  });

  /** The image's configuration without the digest of its layer, and the layer's entries with all that tar knows of them. */
  async function unpacked(id: string, name: string): Promise<{ readonly config: unknown; readonly entries: string }> {
    const layout = path.join(directory, name);
    await mkdir(layout);
    await run(["skopeo", "copy", "--quiet", `containers-storage:@${id.replace("sha256:", "")}`, `dir:${layout}`], {
      env: store.env,
    });
    const blob = (digest: string) => path.join(layout, digest.replace("sha256:", ""));
    const manifest = JSON.parse(await readFile(path.join(layout, "manifest.json"), "utf8")) as {
      readonly config: { readonly digest: string };
      readonly layers: readonly { readonly digest: string }[];
    };
    const { rootfs, ...config } = JSON.parse(await readFile(blob(manifest.config.digest), "utf8"));
    expect(rootfs.diff_ids).toHaveLength(1);
    const layer = blob(manifest.layers[0]?.digest ?? "");
    const options = ["--list", "--verbose", "--numeric-owner", "--full-time", "--xattrs"];
    return { config, entries: await run(["tar", ...options, "--file", layer]) };
  }
});
