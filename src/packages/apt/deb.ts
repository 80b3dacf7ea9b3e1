import { closeSync, openSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { ArchiveError, listMembers } from "../../system/archive.ts";
import { Failure } from "../../system/errors.ts";
import type { Run } from "../../system/run.ts";
import { unpackPackage } from "../unpack.ts";

/** Longer maintainer scripts are not read. */
const mostScriptBytes = 256 * 1024;

/**
 * The text of a package's postinst, empty if it has none; the script is not run. `file` is the package (deb(5)), whose control files are
 * written to `control` as a tar. `name` is the package's with its version. Throws Failure.
 */
export async function readPostinst(name: string, file: string, control: string, run: Run): Promise<string> {
  await unpackPackage(name, file, control, run, "control");
  try {
    return postinstIn(control).toString("utf8");
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new Failure(`cannot read package ${name}: ${error.message}`, { cause: error });
  }
}

function postinstIn(control: string): Buffer {
  const file = openSync(control, "r");
  try {
    for (const { name, kind, offset, size } of listMembers(file, statSync(control).size)) {
      if (path.posix.join("/", name) !== "/postinst" || kind !== "file" || size > mostScriptBytes) continue;
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, readSync(file, bytes, 0, size, offset));
    }
    return Buffer.alloc(0);
  } finally {
    closeSync(file);
  }
}
