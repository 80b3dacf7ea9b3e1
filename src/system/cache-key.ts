import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { makeDirectories } from "./directories.ts";
import { ownName } from "./workdir.ts";

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
