import { closeSync, openSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { ArchiveError, listMembers } from "../system/archive.ts";
import { Failure } from "../system/errors.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import { mostScriptLength } from "./alternatives.ts";

/** In blocks of 64 KiB, 1 GiB: a package of any size may have as much in files. */
const leastBlocks = 16_384;
/**
 * A larger one has at most so many times its own size. Of 63,664 packages in Debian 12's index 673 have more than 20 times theirs, none of
 * those above 1 GiB has more than 62 times its own, and zeros compressed by xz are 7000.
 */
const mostRatio = 100;

/**
 * A function of sh(1), `take PACKAGE TAR`, that writes a package's files as an uncompressed tar; `command` prints it. Runs of zeros are holes,
 * which take no room, and an absurdly large tar is given up with a sentence, so that no package fills the disk. A constant.
 */
function takeWith(tool: string, command: string): string {
  return `command -v ${tool} > /dev/null || exit 127
take() {
  blocks=$(($(stat -c %s "$1") / 65536 * ${mostRatio}))
  [ "$blocks" -gt ${leastBlocks} ] || blocks=${leastBlocks}
  { ${command} "$1" || : > "$2.failed"; } | dd of="$2" bs=64K count="$blocks" iflag=fullblock conv=sparse status=none || exit 1
  if [ "$(stat -c %s "$2")" -ge $((blocks * 65536)) ]; then
    echo "its files take more than $((blocks / 16)) MiB, which is absurdly much for its size" >&2
    exit 1
  fi
  [ ! -e "$2.failed" ] || exit 1
}
`;
}

/** Of each RPM among its arguments it writes the files beside it, with `.tar` at the end; a script for sh(1), rpm2archive(8). */
export const unpackRpms = `${takeWith("rpm2archive", "rpm2archive -n - <")}for file do take "$file" "$file.tar"; done`;

/** A package's files, or what dpkg itself is given beside them: maintainer scripts and the like (deb(5)). */
const parts = { files: "--fsys-tarfile", control: "--ctrl-tarfile" } as const;

/** Writes a part of a Debian package as an uncompressed tar (dpkg-deb(1)); no script of the package is run. Throws Failure. */
export async function unpackPackage(
  name: string,
  file: string,
  tar: string,
  run: Run,
  part: keyof typeof parts = "files",
): Promise<void> {
  try {
    await run(["sh", "-c", `${takeWith("dpkg-deb", `dpkg-deb ${parts[part]}`)}take "$1" "$2"`, "sh", file, tar]);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const cause = error.exitCode === 127 ? "dpkg-deb is not installed" : error.complaint;
    throw new Failure(`cannot unpack package ${name}: ${cause}`, { cause: error });
  }
}

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
      if (path.posix.join("/", name) !== "/postinst" || kind !== "file" || size > mostScriptLength) continue;
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, readSync(file, bytes, 0, size, offset));
    }
    return Buffer.alloc(0);
  } finally {
    closeSync(file);
  }
}
