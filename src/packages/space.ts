import { statfs } from "node:fs/promises";
import { Failure } from "../system/errors.ts";

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
