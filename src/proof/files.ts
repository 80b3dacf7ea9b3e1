import { mkdir, realpath, writeFile } from "node:fs/promises";
import path from "node:path";

/**
 * Writes texts into a new directory for mounting them, and returns the file of the host for each path, without links in it. Anybody may read
 * them.
 */
export async function writeOverlays(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, string>> {
  await mkdir(directory);
  const real = await realpath(directory);
  const places = Object.keys(files).map((inside, index) => [inside, path.join(real, String(index))] as const);
  await Promise.all(places.map(([inside, place]) => writeFile(place, files[inside] ?? "", { mode: 0o644 })));
  return new Map(places);
}
