import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { patience } from "./standin/debian.ts";

/** Packages of somewhere else than this machine's own apt sources. */
export interface Release extends AsyncDisposable {
  /** Makes apt, and the program through it, take packages from there and from nowhere else. */
  readonly env: Readonly<Record<string, string>>;
}

/** Another release of Debian than this machine's; `source` as `findMirror` gives it. Nothing of it is installed or run. */
export async function openRelease(source: string): Promise<Release> {
  const directory = await mkdtemp(path.join(tmpdir(), "release-"));
  return {
    env: await knowOnly(source, directory, patience),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

/** Writes a configuration into the directory by which apt knows one source and no other. */
export async function knowOnly(
  source: string,
  directory: string,
  settings: readonly string[] = [],
): Promise<Release["env"]> {
  const sources = path.join(directory, "sources.list");
  const config = path.join(directory, "apt.conf");
  await writeFile(sources, `${source}\n`);
  const only = [`Dir::Etc::sourcelist "${sources}";`, 'Dir::Etc::sourceparts "/dev/null";'];
  await writeFile(config, [...only, ...settings, ""].join("\n"));
  return { APT_CONFIG: config };
}
