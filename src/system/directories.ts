import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { systemErrorCode } from "./errors.ts";

/**
 * Makes a directory and those above it that are missing, writable by their owner alone. Node's own recursive mkdir tries for ever where the
 * file system has no room for names of others, as /proc has none. Throws the system's error.
 */
export async function makeDirectories(directory: string): Promise<void> {
  const missing: string[] = [];
  for (let next = path.resolve(directory); !(await exists(next)); next = path.dirname(next)) missing.push(next);
  for (const next of missing.reverse()) {
    try {
      await mkdir(next, { mode: 0o755 });
    } catch (error) {
      // Another process makes the same one.
      if (systemErrorCode(error) !== "EEXIST") throw error;
    }
  }
  // Something is there under each name; what is no directory says so here.
  await stat(`${directory}/.`);
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    return false;
  }
}
