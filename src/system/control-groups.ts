import { readdir, readFile, rmdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Run } from "./run.ts";

/** Where the kernel shows control groups, of both versions (cgroups(7)). */
const top = "/sys/fs/cgroup";
/** How often a group is tried whose processes are about to end, and the milliseconds between two tries. */
const tries = { count: 20, interval: 50 } as const;

/**
 * Removes the control groups with names that satisfy `isLeft`, and kills what is in them: an OCI runtime that is ended while it makes a
 * container leaves the group, and no state by which it would find it again.
 */
export async function removeControlGroups(isLeft: (name: string) => boolean, run: Run): Promise<void> {
  for (const group of await groupsBelow(top, isLeft)) {
    const pids = (await readFile(path.join(group, "cgroup.procs"), "utf8").catch(() => "")).split("\n").filter(Boolean);
    // One that has ended meanwhile is no error.
    if (pids.length > 0) await run(["kill", "-KILL", ...pids], { evenInterrupted: true }).catch(() => {});
    for (let count = 0; count < tries.count && !(await isRemoved(group)); count++) await sleep(tries.interval);
  }
}

async function groupsBelow(directory: string, isWanted: (name: string) => boolean): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const found = entries
    .filter((entry) => entry.isDirectory())
    .map(async ({ name }) => {
      const group = path.join(directory, name);
      return isWanted(name) ? [group] : await groupsBelow(group, isWanted);
    });
  return (await Promise.all(found)).flat();
}

async function isRemoved(group: string): Promise<boolean> {
  try {
    await rmdir(group);
    return true;
  } catch {
    return (await readdir(group).catch(() => [])).length === 0;
  }
}
