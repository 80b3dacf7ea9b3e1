import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "../../src/system/run.ts";
import { run } from "./run.ts";
import { toolNamed } from "./tools.ts";

/** A container registry on this machine's loopback, without TLS, empty at first. */
export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
}

/** A user of a registry that asks for one. */
export const registryUser = { name: "pusher", password: "secret" } as const;
/** That user as htpasswd(1) writes them, with bcrypt at its lowest cost. */
const htpasswd = "pusher:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

/** `through` is a command that starts another one somewhere else, as in another network. */
export async function startRegistry(
  options: { credentials?: boolean; through?: (command: readonly string[]) => Command } = {},
): Promise<Registry> {
  const { through = (command) => command as Command } = options;
  const directory = await mkdtemp(path.join(tmpdir(), "registry-"));
  const port = await freePort();
  const users = path.join(directory, "htpasswd");
  await writeFile(users, `${htpasswd}\n`);
  const config = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: path.join(directory, "data") } },
    http: { addr: `127.0.0.1:${port}` },
    ...(options.credentials ? { auth: { htpasswd: { realm: "test", path: users } } } : {}),
  };
  const file = path.join(directory, "config.yml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const [program, ...words] = through([toolNamed("docker-registry"), "serve", file]);
  const child = spawn(program, words, { stdio: "ignore" });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill();
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  for (let tries = 0; !(await answers(port, through)); tries++) {
    if (tries < 100 && child.exitCode === null) await pause(50);
    else {
      await stop();
      throw new Error("docker-registry does not answer");
    }
  }
  return { host: `127.0.0.1:${port}`, port, [Symbol.asyncDispose]: stop };
}

/** A way to a registry on which the connections with these numbers (from 0) break after so many bytes from the client. */
export interface Flaky extends Registry {
  /** How many connections broke so far. */
  readonly broken: number;
}

export async function startFlaky(target: Registry, options: { breaks: number; afterBytes: number }): Promise<Flaky> {
  let broken = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target.port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => client.destroy());
      socket.on("close", () => upstream.destroy());
    }
    let bytes = 0;
    client.on("data", (data) => {
      bytes += data.length;
      if (bytes > options.afterBytes && broken < options.breaks) {
        broken++;
        client.resetAndDestroy();
        upstream.destroy();
      }
    });
    client.pipe(upstream);
    upstream.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    get broken() {
      return broken;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A way to a registry that takes no more than so many bytes a second from each client. */
export async function startSlow(
  target: Registry | { readonly port: number },
  bytesPerSecond: number,
): Promise<Registry> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target.port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => client.destroy());
      socket.on("close", () => upstream.destroy());
    }
    client.on("data", (data) => {
      client.pause();
      upstream.write(data);
      setTimeout(() => client.resume(), (data.length / bytesPerSecond) * 1000);
    });
    client.on("end", () => upstream.end());
    upstream.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Asked from where it listens. */
function answers(port: number, through: (command: readonly string[]) => Command): Promise<boolean> {
  const ask = `const { status } = await fetch("http://127.0.0.1:${port}/v2/"); if (status !== 200 && status !== 401) throw status;`;
  return run(through([process.execPath, "--input-type=module", "--eval", ask])).then(
    () => true,
    () => false,
  );
}
