import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What a registry has: bytes by digest, digests by tag, media types of manifests by digest. */
export interface Contents {
  readonly blobs: Map<string, Buffer>;
  readonly tags: Map<string, string>;
  readonly types: Map<string, string>;
}

/** An answer to a request; undefined leaves it to an honest registry. */
export type Lie = (request: IncomingMessage, response: ServerResponse, contents: Contents) => unknown;

export interface LyingRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  readonly contents: Contents;
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A registry in memory on loopback, as far as buildah needs one (OCI distribution specification), that lies where it is told to. */
export async function startLyingRegistry(lie: Lie, from?: Contents): Promise<LyingRegistry> {
  const contents: Contents = {
    blobs: new Map(from?.blobs),
    tags: new Map(from?.tags),
    types: new Map(from?.types),
  };
  const uploads = new Map<string, Buffer[]>();
  const sockets = new Set<Socket>();
  const server = createServer(async (request, response) => {
    response.on("error", () => {});
    try {
      if (lie(request, response, contents) !== undefined) return;
      await answer(request, response, contents, uploads);
    } catch {
      response.destroy();
    }
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    contents,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { blobs, tags, types }: Contents,
  uploads: Map<string, Buffer[]>,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://registry");
  const what = pathname.slice(pathname.lastIndexOf("/") + 1);
  const send = (status: number, headers: Record<string, string> = {}, body?: Buffer) => {
    response.writeHead(status, { "content-length": String(body?.length ?? 0), ...headers });
    response.end(request.method === "HEAD" ? undefined : body);
  };
  if (pathname === "/v2/") return send(200);
  const reads = request.method === "GET" || request.method === "HEAD";
  if (pathname.includes("/manifests/") && reads) {
    const digest = tags.get(what) ?? what;
    const bytes = blobs.get(digest);
    const type = types.get(digest);
    if (bytes === undefined || type === undefined)
      return send(404, {}, unknown("MANIFEST_UNKNOWN", "manifest unknown"));
    return send(
      200,
      { "content-type": type, "docker-content-digest": digest, "content-length": String(bytes.length) },
      bytes,
    );
  }
  if (pathname.includes("/blobs/sha256:") && reads) {
    const bytes = blobs.get(what);
    if (bytes === undefined) return send(404, {}, unknown("BLOB_UNKNOWN", "blob unknown"));
    return send(200, { "content-length": String(bytes.length) }, bytes);
  }
  if (request.method === "POST") {
    const upload = `${pathname}${uploads.size}`;
    uploads.set(upload, []);
    return send(202, { location: upload });
  }
  const body: Buffer[] = [];
  for await (const chunk of request) body.push(chunk as Buffer);
  if (pathname.includes("/manifests/")) {
    const bytes = Buffer.concat(body);
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    types.set(digest, request.headers["content-type"] ?? "");
    if (!what.startsWith("sha256:")) tags.set(what, digest);
    return send(201, { location: pathname, "docker-content-digest": digest });
  }
  const parts = uploads.get(pathname) ?? [];
  parts.push(...body);
  if (request.method === "PATCH") return send(202, { location: pathname });
  const bytes = Buffer.concat(parts);
  if (sha256(bytes) !== searchParams.get("digest")) return send(400, {}, unknown("DIGEST_INVALID", "wrong digest"));
  blobs.set(sha256(bytes), bytes);
  return send(201, { location: pathname });
}

function unknown(code: string, message: string): Buffer {
  return Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
}
