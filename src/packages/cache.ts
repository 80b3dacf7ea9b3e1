import { createHash, createHmac, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeDirectories } from "../system/directories.ts";
import { Failure, systemCause } from "../system/errors.ts";
import { ownName } from "../system/workdir.ts";

/**
 * Files under the SHA-256 of their content. Every use reads and checks the whole file, so a damaged one is never used but made
 * anew, and files come in by rename, so concurrent builds can share the cache. What was derived from a file is bound to it by a message
 * authentication code with a key that is not in the cache: whoever can write to the cache, such as another job of a pipeline, cannot
 * exchange it.
 */
export interface ContentCache {
  /** The path of the file with this content; undefined when there is none or it is damaged. */
  find(sha256: string): Promise<string | undefined>;
  /** Takes a file of the same file system in by rename; throws Failure when its content is not the expected one. */
  adopt(file: string, sha256?: string): Promise<{ readonly path: string; readonly sha256: string }>;
  /** What was derived from a file (`payload` of a package): found by the hash of the origin. */
  findDerived(origin: string, what: string): Promise<string | undefined>;
  adoptDerived(origin: string, what: string, file: string): Promise<string>;
  /** A new directory in the cache's file system, gone with its scope. */
  scratchDirectory(): Promise<{ readonly path: string } & AsyncDisposable>;
}

/** Opens (and makes) the cache below a directory, with the key for what is derived. Throws Failure where that cannot be written. */
export async function openCache(directory: string, key: Uint8Array): Promise<ContentCache> {
  const blobs = path.join(directory, "sha256");
  const derived = path.join(directory, "derived");
  await Promise.all([blobs, derived].map((each) => makeDirectory(each)));

  const find = async (sha256: string) => {
    const file = path.join(blobs, sha256);
    return (await isFile(file)) && hashFile(file) === sha256 ? file : undefined;
  };
  const adopt = async (file: string, expected?: string) => {
    const sha256 = hashFile(file);
    if (expected !== undefined && sha256 !== expected) {
      throw new Failure(
        `cannot use ${path.basename(file)}: its SHA-256 is ${sha256}, the signed index says ${expected}`,
      );
    }
    await rename(file, path.join(blobs, sha256));
    return { path: path.join(blobs, sha256), sha256 };
  };
  const noteOf = (origin: string, what: string, sha256: string) => {
    const code = createHmac("sha256", key).update([origin, what, sha256].join("\n")).digest("hex");
    return `${sha256} ${code}\n`;
  };
  return {
    find,
    adopt,
    async findDerived(origin, what) {
      const note = await readFile(path.join(derived, `${origin}.${what}`), "latin1").catch(() => "");
      const sha256 = note.slice(0, 64);
      return note === noteOf(origin, what, sha256) ? find(sha256) : undefined;
    },
    async adoptDerived(origin, what, file) {
      const adopted = await adopt(file);
      const note = path.join(derived, `${origin}.${what}`);
      const fresh = `${note}.${ownName()}`;
      await writeFile(fresh, noteOf(origin, what, adopted.sha256));
      await rename(fresh, note);
      return adopted.path;
    },
    async scratchDirectory() {
      const scratch = path.join(directory, ownName());
      await makeDirectory(scratch);
      return { path: scratch, [Symbol.asyncDispose]: () => rm(scratch, { recursive: true, force: true }) };
    },
  };
}

/** Makes a directory and those above it. Throws Failure. */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeDirectories(directory);
  } catch (error) {
    throw new Failure(`cannot use the cache directory ${directory}: ${systemCause(error)}`, {
      hint: "set XDG_CACHE_HOME to a directory that you can write to",
      cause: error,
    });
  }
}

async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined))?.isFile() ?? false;
}

/** SHA-256 of a whole file, lower-case hex. */
export function hashFile(file: string): string {
  const hash: Hash = createHash("sha256");
  const handle = openSync(file, "r");
  try {
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    for (let length = readSync(handle, buffer); length > 0; length = readSync(handle, buffer)) {
      hash.update(buffer.subarray(0, length));
    }
  } finally {
    closeSync(handle);
  }
  return hash.digest("hex");
}

/**
 * Throws Failure where fewer bytes are free. apt's http method does not end when the disk is full (it tries to write for
 * ever), so what apt is going to fetch must fit beforehand; this may go when apt gives up by itself.
 */
export async function requireSpace(directory: string, bytes: number, purpose: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= bytes) return;
  const free = Math.floor((bavail * bsize) / 1_000_000);
  throw new Failure(
    `cannot ${purpose}: no space left on device: ${directory} has ${free} MB, and it takes ${Math.ceil(bytes / 1_000_000)} MB`,
    {
      hint: "make room, or set XDG_CACHE_HOME to a directory on another disk",
    },
  );
}
