import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { assemble, openDrafts } from "../../src/image/assemble.ts";
import { Buildah } from "../../src/image/buildah.ts";
import type { ImageDescription } from "../../src/image/config.ts";
import type { ImagePlan, OsImagePlan } from "../../src/plan/plan.ts";
import { CommandFailure, type Run } from "../../src/system/run.ts";
import { samplePlan } from "../report/sample.ts";

const directory = mkdtempSync(path.join(tmpdir(), "assemble-test-"));
afterAll(() => rmSync(directory, { recursive: true }));
const workdir = {
  path: directory,
  file: (name: string) => path.join(directory, name),
  directory: async (name: string) => path.join(directory, name),
  [Symbol.asyncDispose]: async () => {},
};

const layer = (letter: string) => ({
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  digest: `sha256:${letter.repeat(64)}`,
  size: 1024,
});

/** What a committed image has of the base and of us. */
const committed = (layers: readonly ReturnType<typeof layer>[]) =>
  JSON.stringify({
    FromImageID: "c".repeat(64),
    FromImageDigest: `sha256:${"d".repeat(64)}`,
    Config: JSON.stringify({
      architecture: "amd64",
      config: { Env: ["LD_PRELOAD=/evil.so"], Labels: { container: "x" }, StopSignal: "SIGQUIT" },
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
      history: [{ created_by: "curl evil" }],
    }),
    Manifest: JSON.stringify({ layers, annotations: { "run.oci.keep": "evil" } }),
  });

const base: ImageDescription = {
  id: `sha256:${"b".repeat(64)}`,
  digest: `sha256:${"e".repeat(64)}`,
  config: { architecture: "amd64", config: { Env: ["PATH=/usr/bin", "LD_PRELOAD=/evil.so"] } },
  layers: [],
  annotations: {},
};

/** The command lines, and the image that buildah was given. */
async function assembled(plan: ImagePlan, layers: readonly ReturnType<typeof layer>[], from?: ImageDescription) {
  const lines: string[] = [];
  let image: { config: Record<string, unknown>; manifest: Record<string, unknown> } | undefined;
  const run: Run = async (command, options) => {
    lines.push(command.join(" "));
    if (command[1] === "commit") return "c".repeat(64);
    if (command[1] === "inspect") return committed(layers);
    if (command[1] !== "pull") return "";
    const layout = path.join(options?.cwd ?? "", (command.at(-1) ?? "").split(":")[1] ?? "");
    const json = (name: string) => JSON.parse(readFileSync(path.join(layout, name), "utf8"));
    const [{ digest }] = json("index.json").manifests;
    const manifest = json(`blobs/${digest.replace(":", "/")}`);
    image = { manifest, config: json(`blobs/${manifest.config.digest.replace(":", "/")}`) };
    // Layers are the store's already.
    expect(readdirSync(path.join(layout, "blobs/sha256"))).toHaveLength(2);
    return manifest.config.digest.replace("sha256:", "");
  };
  const buildah = new Buildah(run);
  const container = await buildah.fromScratch();
  const content = { rootfs: "/tmp/rootfs.tar", version: "4.4", created: 1_700_000_000, recordText: "the record" };
  const stored = await assemble(plan, container, from === undefined ? content : { ...content, base: from }, {
    buildah,
    workdir,
  });
  const names = [...new Set(lines.join(" ").match(/dhcpd-build-\d+-\d+-[0-9a-f]{8}/g))];
  const short = (line: string) =>
    names.reduce((text, name, index) => text.replaceAll(name, `NAME${index}`), line).replaceAll(directory, "DIR");
  return { stored, image, lines: lines.map(short) };
}

describe("a scratch image", () => {
  const service = { ...samplePlan.service, environment: { A: "$b", LD_LIBRARY_PATH: "/usr/$LIB/served" } };

  it("is made with these command lines and no others: what can be long is in files", async () => {
    const { lines, stored } = await assembled({ ...samplePlan, service }, [layer("1")]);
    expect(lines).toEqual([
      "buildah from --quiet --name NAME0 scratch",
      "buildah config --label container=NAME0 NAME0",
      "buildah add --quiet NAME0 /tmp/rootfs.tar /",
      "buildah commit --quiet --rm --format oci --timestamp 1700000000 --omit-history NAME0 localhost/NAME1:latest",
      `buildah inspect --type image sha256:${"c".repeat(64)}`,
      "buildah pull --quiet --signature-policy DIR/policy.json oci:NAME2:localhost/NAME2:latest",
      `buildah tag ${stored.id} localhost/served:4.4-x86_64 localhost/served:latest-x86_64`,
      "buildah rmi localhost/NAME1:latest localhost/NAME2:latest",
    ]);
    expect(stored.references).toEqual(["localhost/served:4.4-x86_64", "localhost/served:latest-x86_64"]);
  });

  it("has the plan's configuration, and the record in the history of its layer", async () => {
    const { image } = await assembled({ ...samplePlan, service }, [layer("1")]);
    expect(image?.config).toEqual({
      created: "2023-11-14T22:13:20Z",
      architecture: "amd64",
      os: "linux",
      config: {
        User: "177:177",
        ExposedPorts: { "67/udp": {} },
        Env: ["A=$b", "LD_LIBRARY_PATH=/usr/$LIB/served"],
        Entrypoint: ["/usr/sbin/served"],
        Cmd: ["-f"],
        Volumes: { "/var/lib/served": {} },
        WorkingDir: "/",
        Labels: {
          "org.opencontainers.image.licenses": "MPL-2.0",
          "org.opencontainers.image.title": "A server",
          "org.opencontainers.image.version": "4.4",
        },
      },
      rootfs: { type: "layers", diff_ids: [`sha256:${"1".repeat(64)}`] },
      history: [{ created: "2023-11-14T22:13:20Z", created_by: "the record" }],
    });
    expect(image?.manifest).toMatchObject({ layers: [layer("1")] });
  });
});

describe("an OS-based image", () => {
  const { lock: _, ...common } = samplePlan;
  const plan: OsImagePlan = { ...common, kind: "os", base: "localhost/base:44" };

  it("has the recipe's configuration and annotations, and nothing of the base's but PATH and layers", async () => {
    const { image } = await assembled(plan, [layer("1"), layer("2")], base);
    expect(image?.config.config).toMatchObject({ Env: ["PATH=/usr/bin"], User: "177:177" });
    expect(JSON.stringify(image)).not.toMatch(/evil|SIGQUIT|container=/);
    expect(image?.config.history).toEqual([
      { created: "2023-11-14T22:13:20Z", created_by: "the base image" },
      { created: "2023-11-14T22:13:20Z", created_by: "the record" },
    ]);
    expect(image?.manifest.annotations).toEqual({
      "org.opencontainers.image.base.name": "localhost/base:44",
      "org.opencontainers.image.base.digest": base.digest,
      "org.opencontainers.image.licenses": "MPL-2.0",
      "org.opencontainers.image.title": "A server",
      "org.opencontainers.image.version": "4.4",
    });
  });

  it("has the recipe's PATH where it names one", async () => {
    const service = { ...plan.service, environment: { PATH: "/opt/bin" } };
    const { image } = await assembled({ ...plan, service }, [layer("1"), layer("2")], base);
    expect(image?.config.config).toMatchObject({ Env: ["PATH=/opt/bin"] });
  });
});

it("drafts are removed, interrupted or not, and need not all be there", async () => {
  const commands: string[] = [];
  const run: Run = async (command, options) => {
    commands.push(`${command.slice(0, 2).join(" ")} ${options?.evenInterrupted}`);
    throw new CommandFailure(command, { exitCode: 125, stderr: "image not known", reason: "exit code 125" });
  };
  {
    await using drafts = openDrafts(new Buildah(run));
    expect(drafts.name()).not.toBe(drafts.name());
  }
  expect(commands).toEqual(["buildah rmi true"]);
  {
    await using _none = openDrafts(new Buildah(run));
  }
  expect(commands).toHaveLength(1);
});
