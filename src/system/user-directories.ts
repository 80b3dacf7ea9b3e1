import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { makeDirectories } from "./directories.ts";
import { Failure } from "./errors.ts";
import { ownName } from "./workdir.ts";

/**
 * The user's cache of this tool: XDG_CACHE_HOME (XDG Base Directory Specification), else ~/.cache. Throws Failure where there is none, and
 * for a path that the configuration of a package manager cannot have: apt.conf(5) knows no escape for a quotation mark.
 */
export function cacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  const directory = path.join(
    base !== undefined && path.isAbsolute(base) ? base : path.join(home(), ".cache"),
    "dhcpd-build",
  );
  if (/["\p{Cc}]/u.test(directory)) {
    throw new Failure(
      `cannot use the cache directory ${directory}: its path has a quotation mark or a control character`,
      {
        hint: "set XDG_CACHE_HOME to another directory",
      },
    );
  }
  return directory;
}

function home(): string {
  const directory = os.homedir();
  if (path.isAbsolute(directory)) return directory;
  throw new Failure(
    `cannot find the cache directory: HOME is ${directory === "" ? "not set" : "not an absolute path"}`,
    {
      hint: "set HOME, or XDG_CACHE_HOME to a directory that you can write to",
    },
  );
}

const keyBytes = 32;

/**
 * The key by which this user recognizes what this tool has put into the cache, made at the first call: 32 random bytes in XDG_STATE_HOME (XDG Base
 * Directory Specification), else ~/.local/state, which caches of pipelines do not carry along. A key of this process alone if none can be kept.
 */
export async function cacheKey(): Promise<Uint8Array> {
  const base = process.env.XDG_STATE_HOME;
  const home = base !== undefined && path.isAbsolute(base) ? base : path.join(os.homedir(), ".local/state");
  const file = path.join(home, "dhcpd-build", "cache.key");
  const known = await readFile(file).catch(() => undefined);
  if (known?.length === keyBytes) return known;
  const key = randomBytes(keyBytes);
  if (!path.isAbsolute(file)) return key;
  const fresh = `${file}.${ownName()}`;
  try {
    await makeDirectories(path.dirname(file));
    await writeFile(fresh, key, { mode: 0o600 });
    if (known !== undefined) await rm(file);
    // Another process may have made one in the meantime, and that one counts.
    await link(fresh, file);
    return key;
  } catch {
    const theirs = await readFile(file).catch(() => undefined);
    return theirs?.length === keyBytes ? theirs : key;
  } finally {
    await rm(fresh, { force: true }).catch(() => {});
  }
}
