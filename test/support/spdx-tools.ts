import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { CommandFailure } from "../../src/system/run.ts";
import { cached } from "./cached.ts";
import { run } from "./run.ts";
import { findMirror, patience } from "./standin/debian.ts";

/** The programs that it takes to validate, for `requireTools`. */
export const spdxTools = ["root", "apt-get", "mmdebstrap"] as const;

/**
 * What the SPDX project's own validator, `pyspdxtools`, has against a document: "" where it is valid. Debian has it in sid alone, and so
 * it runs in a small root of sid, with that one's python.
 */
export async function pySpdxComplaints(document: string): Promise<string> {
  const root = await cached("spdx-tools-sid", unpackTools);
  // The end of the name tells it the format.
  const file = `/tmp/${randomUUID()}.json`;
  await writeFile(path.join(root, file), document);
  try {
    await run(["chroot", root, "pyspdxtools", "--infile", file]);
    return "";
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === 1) return error.stderr;
    throw error;
  } finally {
    await rm(path.join(root, file));
  }
}

/** Maintainer scripts do not run, which saves most of the time. */
async function unpackTools(directory: string): Promise<string> {
  const root = path.join(directory, "root");
  const { sid } = await findMirror(run);
  await run([
    ...(["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--format=directory"] as const),
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    ...patience.map((option) => `--aptopt=${option}`),
    ...["--include=python3-spdx-tools", "sid", root, sid],
  ]);
  return root;
}
