import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

/**
 * What the tests keep under a name from run to run: from the cache or, where it is not there yet, made. `make` works in a directory of
 * its own and returns what of it is to be kept, the directory itself or something in it.
 */
export async function cached(name: string, make: (directory: string) => Promise<string>): Promise<string> {
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "dhcpd-build-test");
  const place = path.join(cache, name);
  if (await exists(place)) return place;
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(`${place}.`);
  try {
    await rename(await make(directory), place).catch(async (error: unknown) => {
      // Somebody else made it meanwhile; either is good.
      if (!(await exists(place))) throw error;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return place;
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
