import { createHash } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../../src/system/errors.ts";
import type { Run } from "../../../src/system/run.ts";
import { inParallel } from "./pool.ts";

/** Where this machine's own apt gets Debian from; no mirror is written down anywhere. */
export interface Mirror {
  /** A one-line source of Debian 12; without its updates, so that the stand-in changes with point releases only. */
  readonly bookworm: string;
  readonly trixie: string;
  readonly sid: string;
}

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

export async function findMirror(run: Run): Promise<Mirror> {
  const format = "$(SITE) $(RELEASE) $(COMPONENT)";
  const targets = await run(["apt-get", "indextargets", "--format", format, "Created-By: Packages", "Origin: Debian"]);
  const site = /^(\S+) bookworm main$/m.exec(targets)?.[1];
  if (site === undefined) {
    throw new Failure("cannot make the stand-in: apt on this machine has no package lists of Debian 12 (bookworm)", {
      hint: "run apt-get update",
    });
  }
  const source = (suite: string) => `deb [signed-by=${keyring}] ${site} ${suite} main`;
  return { bookworm: source("bookworm"), trixie: source("trixie"), sid: source("sid") };
}

/** A mirror that lags behind or stumbles is good enough to test with; the signatures are checked all the same. */
export const patience = ['Acquire::Check-Valid-Until "false";', 'Acquire::Retries "3";'] as const;

/** Downloads packages of an architecture in a private state and unpacks each into `directory/NAME`. */
export async function unpackDebs(
  run: Run,
  request: {
    source: string;
    arch: "amd64" | "arm64" | "i386";
    names: readonly string[];
    directory: string;
  },
): Promise<void> {
  const state = path.join(request.directory, ".apt");
  await mkdir(path.join(state, "lists/partial"), { recursive: true });
  await mkdir(path.join(state, "cache/archives/partial"), { recursive: true });
  const file = async (name: string, content: string) => {
    await writeFile(path.join(state, name), content);
    return path.join(state, name);
  };
  const settings = {
    "Dir::State": state,
    "Dir::State::status": await file("status", ""),
    "Dir::Cache": path.join(state, "cache"),
    "Dir::Etc::sourcelist": await file("sources.list", `${request.source}\n`),
    "Dir::Etc::sourceparts": "/dev/null",
    "APT::Architecture": request.arch,
    "APT::Architectures": request.arch,
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  };
  const config = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
  const env = {
    APT_CONFIG: await file("apt.conf", `#clear APT::Architectures;\n${config.join("")}${patience.join("\n")}\n`),
  };
  await run(["apt-get", "-q", "update"], { env });
  await run(["apt-get", "-q", "download", ...request.names], { env, cwd: state });
  const debs = (await readdir(state)).filter((name) => name.endsWith(".deb"));
  await inParallel(debs, 3, async (deb) => {
    await run(["dpkg-deb", "-x", path.join(state, deb), path.join(request.directory, deb.slice(0, deb.indexOf("_")))]);
  });
}

/** Lower-case hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
