import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BuiltIndex } from "../../src/registry/image-index.ts";
import type { Pushed } from "../../src/registry/push.ts";
import { freePort, type Registry, registryUser, startFlaky, startRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const ready = requireTools("buildah", "skopeo", "docker-registry", "apt-get", "flock");
const withoutTls = "--tls-verify=false";

/** The OCI words of an index's images in its order, and its digest, as somebody else's tool sees it. */
async function indexAt(reference: string) {
  const raw = await run(["skopeo", "inspect", "--tls-verify=false", "--raw", reference]);
  const { mediaType, manifests } = JSON.parse(raw) as {
    mediaType: string;
    manifests: { digest: string; platform: { architecture: string } }[];
  };
  return { mediaType, architectures: manifests.map(({ platform }) => platform.architecture) };
}

describe.runIf(ready)("images of two machines and a registry between them", () => {
  let registry: Registry;
  /** One builds x86_64, one aarch64, one both, and the last one has nothing but the registry. */
  let [x86, arm, both, last]: Workshop[] = [];
  let digests: ReadonlyMap<string, string>;

  const push = async (from: Workshop, ...args: readonly string[]) => {
    const { stdout, stderr, exitCode } = await from.run(["push", ...args, withoutTls, "--json"]);
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
    const { pushed } = JSON.parse(stdout) as { pushed: Pushed[] };
    return new Map(pushed.map(({ reference, digest }) => [reference.slice(reference.lastIndexOf(":") + 1), digest]));
  };

  beforeAll(async () => {
    registry = await startRegistry();
    [x86, arm, both, last] = await Promise.all([1, 2, 3, 4].map(() => createWorkshop()));
    await x86!.build(["--arch", "x86_64"]);
    await arm!.build(["--arch", "aarch64"]);
    await both!.build(["--arch", "all"]);
    const images = () => run(["buildah", "images", "--all", "--format", "{{.Name}}:{{.Tag}}"], { env: both!.env });
    const indexed = await both!.run(["index", "dhcpd"]);
    expect(indexed).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^localhost\/dhcpd:[^:]+\n$/) });
    const once = (await images()).split("\n").sort();
    expect(await both!.run(["index", "dhcpd"])).toMatchObject({ exitCode: 0, stdout: indexed.stdout });
    expect((await images()).split("\n").sort()).toEqual(once);
    digests = await push(both!, "dhcpd", `${registry.host}/alone/dhcpd`);
  });
  afterAll(async () => {
    for (const workshop of [x86, arm, both, last]) await workshop?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  });

  it("have one index, made from the registry alone, with the digest of the one that one machine made of both", async () => {
    const name = `${registry.host}/two/dhcpd`;
    const first = await push(x86!, "dhcpd", name);
    const second = await push(arm!, "dhcpd", name);
    const { stdout, stderr, exitCode } = await last!.run(["index", name, withoutTls, "--json"]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("looking into") });
    const { index } = JSON.parse(stdout) as { index: BuiltIndex };
    const version = [...first.keys()].find((tag) => tag.endsWith("-x86_64"))!.replace("-x86_64", "");
    expect(index).toEqual({
      references: [`${name}:${version}`, `${name}:latest`],
      digest: digests.get(version),
      images: [
        { arch: "x86_64", digest: first.get("latest-x86_64") },
        { arch: "aarch64", digest: second.get("latest-aarch64") },
      ],
    });
    for (const tag of [version, "latest"]) {
      expect(await indexAt(`docker://${name}:${tag}`)).toEqual({
        mediaType: "application/vnd.oci.image.index.v1+json",
        architectures: ["amd64", "arm64"],
      });
    }
    expect(await run(["buildah", "images", "-q", "--all"], { env: last!.env })).toBe("");
    expect(await last!.leftovers()).toEqual([]);
  });

  it("are what another machine gets for its architecture, with their record", async () => {
    const reference = `${registry.host}/alone/dhcpd:latest`;
    for (const [arch, oci] of [
      ["x86_64", "amd64"],
      ["aarch64", "arm64"],
    ] as const) {
      await run(["buildah", "pull", "--quiet", withoutTls, "--arch", oci, `docker://${reference}`], { env: last!.env });
      const why = await last!.run(["why", reference, "/usr/sbin/dhcpd", "--json"]);
      expect({ arch, ...why }).toMatchObject({ exitCode: 0 });
      await run(["buildah", "rmi", reference], { env: last!.env });
    }
  });

  it("go into an oci: layout with the same digests, even when several pushes meet there", async () => {
    const layout = path.join(both!.store.directory, "layout");
    const [one, other, third] = await Promise.all(
      [both!, x86!, arm!].map((from) => push(from, "dhcpd", `oci:${layout}`)),
    );
    expect([...one!]).toEqual([...digests]);
    const { manifests } = JSON.parse(await readFile(path.join(layout, "index.json"), "utf8")) as {
      manifests: { digest: string; annotations: Record<string, string> }[];
    };
    const found = manifests.map(({ digest, annotations }) => [
      annotations["org.opencontainers.image.ref.name"],
      digest,
    ]);
    expect(new Map(found as [string, string][])).toEqual(new Map([...one!, ...other!, ...third!]));
    expect(found).toHaveLength(6);
  });

  it("arrive although the network breaks in the middle", async () => {
    await using flaky = await startFlaky(registry, { breaks: 3, afterBytes: 300_000 });
    expect(await push(both!, "dhcpd", `${flaky.host}/flaky/dhcpd`)).toEqual(digests);
    expect(flaky.broken).toBe(3);
  });

  it("and their index, too", async () => {
    await using flaky = await startFlaky(registry, { breaks: 2, afterBytes: 0 });
    const { stdout, stderr, exitCode } = await last!.run(["index", `${flaky.host}/alone/dhcpd`, withoutTls]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("trying again in 1 s") });
    expect(stdout).toContain(`@${digests.get("latest")}`);
  });

  it("cannot be pushed to a registry that is away, which is one sentence after some attempts", async () => {
    const host = `127.0.0.1:${await freePort()}`;
    const { stdout, stderr, exitCode } = await x86!.run(["push", "dhcpd", `${host}/dhcpd`, withoutTls]);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
    const last = stderr.trimEnd().split("\n").slice(-2);
    expect(last[0]).toMatch(/^error: cannot push 127\.0\.0\.1:\d+\/dhcpd:\S+-x86_64: .*connection refused$/);
    expect(last[1]).toBe("hint: check that the registry is there, then push again: what has arrived is not sent twice");
  });

  it("are not pushed without TLS unless one says so", async () => {
    const { stderr, exitCode } = await x86!.run(["push", "dhcpd", `${registry.host}/dhcpd`]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining("hint: for a registry of your own without TLS"),
    });
  });

  it("are pushed without TLS where registries.conf says so, and indexed, too", async () => {
    const file = path.join(x86!.store.directory, "registries.conf");
    await writeFile(file, `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`);
    const env = { CONTAINERS_REGISTRIES_CONF: file };
    const name = `${registry.host}/configured/dhcpd`;
    expect(await x86!.run(["push", "dhcpd", name], { env })).toMatchObject({ exitCode: 0 });
    expect(await last!.run(["index", name, "--arch", "x86_64"], { env })).toMatchObject({ exitCode: 0 });
    const strict = await x86!.run(["push", "dhcpd", name, "--tls-verify=true"], { env });
    expect(strict).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("HTTP response to HTTPS client") });
  });

  it("need buildah's own login where the registry asks for one", async () => {
    await using closed = await startRegistry({ credentials: true });
    const env = { REGISTRY_AUTH_FILE: path.join(x86!.store.directory, "auth.json") };
    const args = ["push", "dhcpd", `${closed.host}/dhcpd`, withoutTls];
    const stranger = await x86!.run(args);
    expect(stranger).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("hint: log in with: buildah login HOST"),
    });
    const { name, password } = registryUser;
    await run(["buildah", "login", withoutTls, "--username", name, "--password", password, closed.host], {
      env: { ...x86!.env, ...env },
    });
    expect(await x86!.run(args, { env })).toMatchObject({ exitCode: 0 });
  });

  it("are no index while one is missing", async () => {
    const there = await x86!.run(["index", "dhcpd"]);
    expect(there).toMatchObject({
      exitCode: 1,
      stderr:
        "error: cannot make the index of localhost/dhcpd: there is no image localhost/dhcpd:latest-aarch64\n" +
        "hint: build it with --arch aarch64, or make an index without it: --arch x86_64\n",
    });
    await push(x86!, "dhcpd", `${registry.host}/half/dhcpd`);
    const remote = await last!.run(["index", `${registry.host}/half/dhcpd`, withoutTls]);
    expect(remote).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/error: cannot find \S+:latest-aarch64: .*manifest unknown/),
    });
    const half = await last!.run(["index", `${registry.host}/half/dhcpd`, withoutTls, "--arch", "amd64"]);
    expect(half).toMatchObject({ exitCode: 0 });
    expect(await last!.leftovers()).toEqual([]);
  });

  it("are refused where a program is for another architecture than the image says", async () => {
    await using forger = await createWorkshop();
    await forger.build(["--arch", "all"]);
    const { env } = forger;
    const container = await run(["buildah", "from", "localhost/dhcpd:latest-x86_64"], { env });
    await run(["buildah", "config", "--arch", "arm64", container], { env });
    await run(["buildah", "commit", "--quiet", "--rm", container, "localhost/dhcpd:latest-aarch64"], { env });
    const refused =
      /error: cannot take \S+:latest-aarch64 for aarch64: \/usr\/\S+ in it is for x86_64\nhint: build it again/;
    const there = await forger.run(["index", "dhcpd"]);
    expect(there).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(refused) });
    const name = `${registry.host}/forged/dhcpd`;
    await push(forger, "dhcpd", name);
    const remote = await last!.run(["index", name, withoutTls]);
    expect(remote).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(refused) });
    const tags = await run(["skopeo", "list-tags", withoutTls, `docker://${name}`]);
    expect(tags).not.toMatch(/"latest"/);
    expect([await forger.leftovers(), await last!.leftovers()]).toEqual([[], []]);
  });

  it("are refused where an image says of itself that it is for another architecture", async () => {
    const { env } = last!;
    await run(["buildah", "pull", "--quiet", withoutTls, `docker://${registry.host}/alone/dhcpd:latest-x86_64`], {
      env,
    });
    for (const arch of ["x86_64", "aarch64"])
      await run(["buildah", "tag", `${registry.host}/alone/dhcpd:latest-x86_64`, `localhost/twice:latest-${arch}`], {
        env,
      });
    const { exitCode, stderr } = await last!.run(["index", "twice"]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: "error: cannot take localhost/twice:latest-aarch64 for aarch64: its configuration says amd64\n",
    });
  });

  it("leave nothing behind when their index is interrupted, and what is left when it is killed can be cleaned", async () => {
    const args = ["index", `${registry.host}/alone/dhcpd`, withoutTls];
    const when = (stderr: string) => stderr.includes("looking into");
    const images = () => run(["buildah", "images", "--format", "{{.ID}} {{.Name}}"], { env: last!.env });
    const before = await images();
    const told = await last!.run(args, { interrupt: { signal: "SIGTERM", when } });
    expect(told).toMatchObject({ exitCode: 143, stdout: "" });
    expect(await images()).toBe(before);
    expect(await last!.leftovers()).toEqual([]);
    await last!.run(args, { interrupt: { signal: "SIGKILL", when } });
    expect(await images()).toBe(before);
    expect((await last!.run(["clean"])).stdout).toMatch(/\/dhcpd-build-\S+$/m);
    expect(await last!.leftovers()).toEqual([]);
  });

  it("leave an index in the store when one of its own images is killed, which can be cleaned", async () => {
    const when = (stderr: string) => stderr.includes("buildah manifest add");
    await both!.run(["index", "dhcpd", "--verbose"], { interrupt: { signal: "SIGKILL", when } });
    expect((await both!.run(["clean"])).stdout).toMatch(/^localhost\/dhcpd-build-\S+:latest$/m);
    expect(await run(["buildah", "images"], { env: both!.env })).not.toContain("dhcpd-build-");
    expect(await both!.leftovers()).toEqual([]);
  });

  it("are not pushed with an index of images that have been built anew", async () => {
    const { env } = both!;
    const container = await run(["buildah", "from", "localhost/dhcpd:latest-x86_64"], { env });
    await run(["buildah", "config", "--label", "changed=yes", container], { env });
    await run(["buildah", "commit", "--quiet", "--rm", container, "localhost/dhcpd:latest-x86_64"], { env });
    const { exitCode, stderr } = await both!.run(["push", "dhcpd", `${registry.host}/stale/dhcpd`, withoutTls]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("hint: make it again with: dhcpd-build index localhost/dhcpd\n"),
    });
  });
});
