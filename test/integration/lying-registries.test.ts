import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Contents, type Lie, type LyingRegistry, sha256, startLyingRegistry } from "../support/lying-registry.ts";
import { startSlow } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const ready = requireTools("buildah", "apt-get", "flock");
const indexType = "application/vnd.oci.image.index.v1+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
/** How long a registry may make no progress here, and how long a trickle takes between two bytes. */
const timeout = "3s";
const trickle = 500;

const always = (act: (response: ServerResponse, request: IncomingMessage) => unknown): Lie => {
  return (request, response) => {
    act(response, request);
    return true;
  };
};
const status = (code: number, headers: Record<string, string> = {}, body = ""): Lie =>
  always((response) => response.writeHead(code, headers).end(body));
const silence = always(() => {});
const reset = always((_, request) => request.socket.resetAndDestroy());
const drip = (head: number | undefined): Lie =>
  always((response, { socket }) => {
    if (head === undefined) socket.write("HTTP/1.1 200 OK\r\nX: ");
    else response.writeHead(head, { "content-type": manifestType, "content-length": "100000" }).flushHeaders();
    const timer = setInterval(() => (head === undefined ? socket.write("x") : response.write("x")), trickle);
    socket.on("close", () => clearInterval(timer));
  });
/** Lies about some requests only. */
const about =
  (pattern: RegExp, lie: Lie): Lie =>
  (request, response, contents) =>
    pattern.test(`${request.method} ${request.url}`) ? lie(request, response, contents) : undefined;
/** The registry says this once it has taken something. */
const afterPut = (pattern: RegExp, lie: Lie): Lie => {
  let put = false;
  return (request, response, contents) => {
    const line = `${request.method} ${request.url}`;
    if (/^PUT \S*\/manifests\//.test(line)) put = true;
    else if (put && pattern.test(line)) return lie(request, response, contents);
    return undefined;
  };
};
const html = status(200, { "content-type": "text/html" }, "<!doctype html><h1>It works</h1>");
const manifest = (body: string, type = manifestType) => status(200, { "content-type": type }, body);

/** A lie, and what the sentence says about it where that is not buildah's own business. */
type Tried = readonly [name: string, lie: Lie, says?: RegExp];

const anyVerb: readonly Tried[] = [
  ["never answers", silence, /: no progress for 3 s$/],
  ["resets every connection", reset],
  ["ends every connection", always((_, { socket }) => socket.end())],
  ["sends a byte of a header now and then", drip(undefined), /: no progress for 3 s$/],
  ["sends a byte of a body now and then", drip(200), /: no progress for 3 s$/],
  ["sends a byte of an error now and then", drip(404)],
  ["asks to come again in three hours", status(429, { "retry-after": "9999" }), /: no progress for 3 s$/],
  [
    "asks to come again next year",
    status(429, { "retry-after": "Fri, 31 Dec 2027 23:59:59 GMT" }),
    /: no progress for 3 s$/,
  ],
  ["asks to come again at once, always", status(429, { "retry-after": "0" })],
  ["has an error inside", status(500)],
  ["has a proxy with an error", status(502, { "content-type": "text/html" }, "<h1>Bad gateway</h1>")],
  ["is not available for three hours", status(503, { "retry-after": "9999" })],
  ["says it is a teapot", status(418)],
  ["forbids", status(403)],
  ["wants credentials of no kind", status(401)],
  ["wants a token of nobody", status(401, { "www-authenticate": 'Bearer realm="http://127.0.0.1:1/token"' })],
  [
    "wants a token in garbage",
    status(401, { "www-authenticate": 'Bearer realm="\u0001\u0002:::"'.replace(/[\u0001\u0002]/g, "%") }),
  ],
  [
    "gives garbage for a token",
    (request, response) => {
      const realm = `Bearer realm="http://${request.headers.host}/token",service="x"`;
      if (request.url?.startsWith("/token")) response.end("{{{");
      else response.writeHead(401, { "www-authenticate": realm }).end();
      return true;
    },
  ],
  [
    "never gives the token",
    (request, response) => {
      const realm = `Bearer realm="http://${request.headers.host}/token",service="x"`;
      if (!request.url?.startsWith("/token")) response.writeHead(401, { "www-authenticate": realm }).end();
      return true;
    },
    /: no progress for 3 s$/,
  ],
  ["redirects to itself", always((response, { url }) => response.writeHead(307, { location: url ?? "/" }).end())],
  ["redirects to where nobody is", status(307, { location: "http://127.0.0.1:1/" })],
  ["is a web site", html],
  ["answers with nothing", status(200)],
  ["answers with garbage", status(200, { "content-type": "application/json" }, '{"errors":[{{{')],
  [
    "promises more than it sends",
    always((response) => {
      response.writeHead(200, { "content-length": "100000", "content-type": manifestType }).write("{");
      setTimeout(() => response.destroy(), 50);
    }),
  ],
  ["speaks another protocol", always((_, { socket }) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"))],
];

const read = /^(GET|HEAD) \S*\/manifests\//;
const readBlob = /^(GET|HEAD) \S*\/blobs\/sha256:/;
const onPush: readonly Tried[] = [
  ["begins no upload", about(/^POST /, status(500))],
  ["names no place to upload to", about(/^POST /, status(202))],
  ["names a place to upload to where nobody is", about(/^POST /, status(202, { location: "http://127.0.0.1:1/" }))],
  [
    "stops reading in an upload",
    about(
      /^(PATCH|PUT) \S*\/uploads\//,
      always((_, { socket }) => socket.pause()),
    ),
    /: no progress for 3 s$/,
  ],
  ["never ends an upload", about(/^PUT \S*\/uploads\//, silence), /: no progress for 3 s$/],
  ["refuses an upload at its end", about(/^PUT \S*\/uploads\//, status(400))],
  ["refuses the manifest", about(/^PUT \S*\/manifests\//, status(400, {}, '{"errors":[{"code":"MANIFEST_INVALID"}]}'))],
  ["never takes the manifest", about(/^PUT \S*\/manifests\//, silence), /: no progress for 3 s$/],
  [
    "forgets the manifest",
    afterPut(read, status(404, {}, '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')),
    /^cannot confirm that .* has arrived: /,
  ],
  [
    "takes the manifest and drops it",
    about(
      /^PUT \S*\/manifests\//,
      always((response, request) => {
        request.resume().on("end", () => response.writeHead(201).end());
      }),
    ),
    /^cannot confirm that .* has arrived: /,
  ],
  ["serves garbage for the manifest", afterPut(read, manifest("{{{")), /^cannot confirm that .* has arrived: /],
  ["serves a web site for the manifest", afterPut(read, html), /^cannot confirm that .* has arrived: /],
  ["serves nothing for the manifest", afterPut(read, manifest("")), /^cannot confirm that .* has arrived: /],
  [
    "serves another manifest",
    afterPut(read, (_, response, { types, blobs, tags }) => {
      const other = [...types.keys()].find((digest) => ![...tags.values()].includes(digest)) ?? "";
      response
        .writeHead(200, { "content-type": manifestType })
        .end(Buffer.concat([blobs.get(other) ?? Buffer.from("{}"), Buffer.from(" ")]));
      return true;
    }),
    /^cannot confirm that .* has arrived: /,
  ],
  [
    "serves an empty index for the manifest",
    afterPut(read, manifest('{"schemaVersion":2,"manifests":[]}', indexType)),
    /^cannot confirm that .* has arrived: /,
  ],
  ["sends the manifest a byte at a time", afterPut(read, drip(200)), /: no progress for 3 s$/],
  ["never serves the manifest", afterPut(read, silence), /: no progress for 3 s$/],
  ["has an error inside when asked for the manifest", afterPut(read, status(500))],
  ["forgets the configuration", afterPut(readBlob, status(404)), /^cannot confirm that .* has arrived: /],
];

/** A registry in which one of two images is wrong. */
const withImage = (change: (contents: Contents) => void): Lie => {
  let done = false;
  return (_, __, contents) => {
    if (!done) change(contents);
    done = true;
    return undefined;
  };
};
const json = (contents: Contents, digest: string) =>
  JSON.parse(String(contents.blobs.get(digest))) as Record<string, unknown>;
const store = (contents: Contents, value: unknown, type?: string) => {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  contents.blobs.set(sha256(bytes), bytes);
  if (type !== undefined) contents.types.set(sha256(bytes), type);
  return { digest: sha256(bytes), size: bytes.length };
};
type Manifest = { config: { digest: string }; layers: { digest: string }[] };
type Config = Record<string, unknown> & { config: Record<string, unknown> };
const latest = "latest-aarch64";
/** Changes the configuration, the layer or the manifest of an image, with digests that fit. */
const remade = (change: {
  config?: (config: Config) => unknown;
  layer?: Buffer;
  manifest?: (manifest: Manifest) => unknown;
}): Lie =>
  withImage((contents) => {
    const old = json(contents, contents.tags.get(latest) ?? "") as unknown as Manifest;
    const config = json(contents, old.config.digest) as Config;
    const changed = {
      ...old,
      config: { ...old.config, ...store(contents, change.config?.(config) ?? config) },
      layers: change.layer === undefined ? old.layers : [{ ...old.layers[0], ...store(contents, change.layer) }],
    };
    contents.tags.set(latest, store(contents, change.manifest?.(changed) ?? changed, manifestType).digest);
  });
const asIndex = (
  entries: (image: { digest: string; size: number }, other: { digest: string; size: number }) => unknown,
): Lie =>
  withImage((contents) => {
    const of = (tag: string) => {
      const digest = contents.tags.get(tag) ?? "";
      return { mediaType: manifestType, digest, size: contents.blobs.get(digest)?.length ?? 0 };
    };
    const manifests = entries(of(latest), of("latest-x86_64"));
    const index = { schemaVersion: 2, mediaType: indexType, manifests };
    contents.tags.set(latest, store(contents, index, indexType).digest);
  });
const layerBlob = /^GET \S*\/blobs\/sha256:/;
const onIndex: readonly Tried[] = [
  ["has one image only", withImage(({ tags }) => tags.delete(latest))],
  ["has a manifest that is garbage", about(/^GET \S*\/manifests\//, manifest("{{{"))],
  ["has a manifest that is null", about(/^GET \S*\/manifests\//, manifest("null"))],
  [
    "has a manifest of 10 MB",
    about(/^GET \S*\/manifests\//, manifest(JSON.stringify({ pad: "x".repeat(10_000_000) }))),
  ],
  ["has a manifest of 100,000 brackets", about(/^GET \S*\/manifests\//, manifest("[".repeat(100_000)))],
  ["has a manifest of type text", about(/^GET \S*\/manifests\//, manifest("hello", "text/plain"))],
  [
    "serves another manifest than its digest says",
    about(/^GET \S*\/manifests\/sha256:/, manifest('{"schemaVersion":2}')),
  ],
  ["has an empty index", asIndex(() => []), /for aarch64: it has no image$/],
  ["has an index of null", asIndex(() => null), /for aarch64: it has no image$/],
  [
    "has an index with attestations only",
    asIndex((image) => [{ ...image, platform: { architecture: "unknown", os: "unknown" } }]),
    /for aarch64: it has no image$/,
  ],
  [
    "has an index for another architecture",
    asIndex((_, other) => [{ ...other, platform: { architecture: "amd64", os: "linux" } }]),
    /for aarch64: it is for linux\/amd64$/,
  ],
  [
    "has an index that says another architecture than its image",
    asIndex((_, other) => [{ ...other, platform: { architecture: "arm64", os: "linux" } }]),
    /for aarch64: it is the one for x86_64$/,
  ],
  [
    "has an index with two images for one architecture",
    asIndex((image, other) =>
      [image, other].map((each) => ({ ...each, platform: { architecture: "arm64", os: "linux" } })),
    ),
    /for aarch64: it has 2 images for linux\/arm64$/,
  ],
  [
    "has an index of what it has not",
    asIndex((image) => [
      { ...image, digest: `sha256:${"0".repeat(64)}`, platform: { architecture: "arm64", os: "linux" } },
    ]),
  ],
  ["has no configuration", about(/^GET \S*\/blobs\//, status(404))],
  ["has a configuration that is garbage", remade({ config: () => "garbage" })],
  ["has a configuration that is a list", remade({ config: () => [] })],
  ["has a configuration without layers", remade({ config: (config) => ({ ...config, rootfs: undefined }) })],
  [
    "has a configuration of other layers",
    remade({ config: (config) => ({ ...config, rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] } }) }),
    /: its content is not what the image's configuration names$/,
  ],
  [
    "has an image without version",
    remade({ config: (config) => ({ ...config, config: { ...config.config, Labels: null } }) }),
  ],
  [
    "has an image with labels that are numbers",
    remade({
      config: (config) => ({
        ...config,
        config: { ...config.config, Labels: { "org.opencontainers.image.version": 1 } },
      }),
    }),
  ],
  [
    "has an image of another architecture",
    remade({ config: (config) => ({ ...config, architecture: "amd64" }) }),
    /for aarch64: it is for linux\/amd64$/,
  ],
  [
    "has an image of a wrong architecture, with escapes",
    remade({ config: (config) => ({ ...config, architecture: "\u001b[31marm64" }) }),
  ],
  ["has a layer that is text", remade({ layer: Buffer.from("hello") })],
  ["has a layer that is an empty gzip", remade({ layer: gzipSync("") })],
  ["has a layer that is half a gzip", remade({ layer: gzipSync(Buffer.alloc(100_000, "abc")).subarray(0, 100) })],
  ["has a layer that is zstd garbage", remade({ layer: Buffer.from("28b52ffd00000000", "hex") })],
  ["has a layer that is no tar", remade({ layer: gzipSync("x".repeat(10_000)) })],
  ["has no layers", remade({ manifest: (manifest) => ({ ...manifest, layers: [] }) })],
  ["never serves a blob", about(layerBlob, silence), /: no progress for 3 s$/],
  ["sends a blob a byte at a time", about(layerBlob, drip(200)), /: no progress for 3 s$/],
  ["serves another blob", about(layerBlob, status(200, {}, "hello"))],
  ["refuses the index", about(/^PUT /, status(405)), /: it was not taken/],
  [
    "forgets the index",
    about(
      /^PUT \S*\/manifests\//,
      always((response, request) => request.resume().on("end", () => response.writeHead(201).end())),
    ),
    /^cannot confirm that .* has arrived: /,
  ],
  ["serves garbage for the index", afterPut(read, manifest("{{{")), /^cannot confirm that .* has arrived: /],
  [
    "serves another index",
    afterPut(read, manifest('{"schemaVersion":2,"manifests":[]}', indexType)),
    /^cannot confirm that .* has arrived: /,
  ],
];

describe.runIf(ready)("a registry that lies", () => {
  let shop: Workshop;
  let honest: LyingRegistry;
  let digests: string;

  beforeAll(async () => {
    shop = await createWorkshop();
    await shop.build(["--arch", "all"]);
    honest = await startLyingRegistry(() => undefined);
    const args = ["dhcpd", `${honest.host}/x/dhcpd`, "--tls-verify=false", "--timeout", timeout];
    const { stdout, stderr, exitCode } = await shop.run(["push", ...args]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    digests = stdout;
  });
  afterAll(async () => {
    await honest?.[Symbol.asyncDispose]();
    await shop?.[Symbol.asyncDispose]();
  });

  /** Neither the store nor the work directory is another one afterwards. */
  const state = async () => ({
    images: await run(
      ["buildah", "images", "--all", "--no-trunc", "--format", "{{.ID}} {{.Digest}} {{.Name}}:{{.Tag}}"],
      { env: shop.env },
    ),
    leftovers: await shop.leftovers(),
  });

  /** Tries every lie, some at a time, and returns what did not end as it should: with a sentence, exit code 1 and nothing printed. */
  async function tryAll(lies: readonly Tried[], verb: (host: string) => readonly string[], from?: Contents) {
    const bad: unknown[] = [];
    const left = [...lies];
    const worker = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [name, lie, says = /./] = next;
        await using registry = await startLyingRegistry(lie, from);
        const args = [...verb(registry.host), "--tls-verify=false", "--timeout", timeout];
        const { stdout, stderr, exitCode } = await shop.run(args);
        const error = /^error: (.*)$/m.exec(stderr)?.[1] ?? "";
        const good =
          exitCode === 1 &&
          stdout === "" &&
          /^cannot .+: .+/.test(error) &&
          says.test(error) &&
          !/\bat \S+ \(|bug/.test(stderr);
        if (!good) bad.push({ name, exitCode, stdout, stderr });
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    return bad;
  }

  it.each([
    ["push", [...anyVerb, ...onPush], (host: string) => ["push", "dhcpd", `${host}/x/dhcpd`], false],
    ["index", [...anyVerb, ...onIndex], (host: string) => ["index", `docker://${host}/x/dhcpd`], true],
  ] as const)("ends %s with a sentence", { timeout: 600_000 }, async (_, lies, verb, seeded) => {
    const before = await state();
    expect(await tryAll(lies, verb, seeded ? honest.contents : undefined)).toEqual([]);
    expect(await state()).toEqual(before);
    expect(before.leftovers).toEqual([]);
  });

  it("is not one with an index of an image and its attestation under an architecture's tag, as docker buildx pushes them", async () => {
    const attested = (contents: Contents, arch: string, architecture: string) => {
      const tag = `latest-${arch}`;
      const digest = contents.tags.get(tag) ?? "";
      const image = { mediaType: manifestType, digest, size: contents.blobs.get(digest)?.length ?? 0 };
      const layer = { mediaType: "application/vnd.in-toto+json", ...store(contents, { predicate: {} }) };
      const config = store(contents, {
        architecture: "unknown",
        os: "unknown",
        config: {},
        rootfs: { type: "layers", diff_ids: [layer.digest] },
      });
      const attestation = {
        schemaVersion: 2,
        mediaType: manifestType,
        config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
        layers: [layer],
      };
      const reference = { "vnd.docker.reference.digest": digest, "vnd.docker.reference.type": "attestation-manifest" };
      const manifests = [
        { ...image, platform: { architecture, os: "linux" } },
        {
          mediaType: manifestType,
          ...store(contents, attestation, manifestType),
          annotations: reference,
          platform: { architecture: "unknown", os: "unknown" },
        },
      ];
      contents.tags.set(tag, store(contents, { schemaVersion: 2, mediaType: indexType, manifests }, indexType).digest);
      return digest;
    };
    await using registry = await startLyingRegistry(() => undefined, honest.contents);
    const images = [
      { arch: "x86_64", digest: attested(registry.contents, "x86_64", "amd64") },
      { arch: "aarch64", digest: attested(registry.contents, "aarch64", "arm64") },
    ];
    const before = await state();
    const name = `${registry.host}/x/dhcpd`;
    const index = async () => shop.run(["index", `docker://${name}`, "--tls-verify=false", "--json"]);
    const first = await index();
    expect(first).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^making the index from the registry.s images of \S+$/m),
    });
    expect(JSON.parse(first.stdout)).toMatchObject({ index: { images } });
    const second = await index();
    expect(second).toMatchObject({ exitCode: 0, stdout: first.stdout });
    expect(await state()).toEqual(before);
    const pushed = await shop.run(["push", "dhcpd", name, "--tls-verify=false"]);
    expect(pushed).toMatchObject({ exitCode: 0 });
    expect(pushed.stdout.replaceAll(registry.host, honest.host)).toBe(digests);
  });

  it("is not one that is slow", { timeout: 120_000 }, async () => {
    await using behind = await startLyingRegistry(() => undefined);
    // The larger of the two images takes several times the limit.
    await using registry = await startSlow(behind, 400_000);
    const started = performance.now();
    const { stdout, stderr, exitCode } = await shop.run([
      "push",
      "dhcpd",
      `${registry.host}/x/dhcpd`,
      "--tls-verify=false",
      "--timeout",
      timeout,
    ]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout.replaceAll(registry.host, honest.host)).toBe(digests);
    expect(performance.now() - started).toBeGreaterThan(6000);
  });
});
