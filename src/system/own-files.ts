import { lstat, readFile, rm } from "node:fs/promises";
import { Failure, systemCause } from "./errors.ts";
import type { Run } from "./run.ts";

/** Removes a file or directory of this user; returns whether there was one. Other users remove their own. Throws Failure. */
export async function removeOwn(file: string, run: Run): Promise<boolean> {
  const stats = await lstat(file).catch(() => undefined);
  if (stats === undefined || stats.uid !== process.getuid?.()) return false;
  for (const mount of await mountsBelow(file)) await run(["umount", "--lazy", mount]);
  try {
    await rm(file, { recursive: true, force: true });
    return true;
  } catch (error) {
    throw new Failure(`cannot remove ${file}: ${systemCause(error)}`, { cause: error });
  }
}

/** The mount points below a directory, the newest first: field 5 of /proc/self/mountinfo, with some bytes in octal (proc(5)). */
async function mountsBelow(directory: string): Promise<readonly string[]> {
  const points = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((point) =>
      point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
  return points.filter((point) => point.startsWith(`${directory}/`)).reverse();
}
