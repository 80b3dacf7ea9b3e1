import { stat } from "node:fs/promises";
import { Failure } from "../system/errors.ts";
import { CommandFailure, type Run } from "../system/run.ts";

/** A package file that was found to be the right one, and where its files go as an uncompressed tar. */
export interface Packed {
  /** For sentences. */
  readonly name: string;
  readonly file: string;
  readonly tar: string;
}

const block = 64 * 1024;
/** A package of any size may have as many bytes of files. */
const leastLimit = 1024 ** 3;
/** A larger one has at most so many times its own size: in Debian 12 twenty are rare, and zeros compressed by xz are 7000. */
const mostRatio = 100;

/**
 * Takes packages apart, one after another: the first argument is the program, then FILE TAR BLOCKS for each. Runs of zeros are holes, which
 * take no room, and a tar of so many blocks ends it, so that no package fills the disk. A constant: in a builder's container it is one start.
 */
const unpackScript = `tool=$1
shift
command -v "$tool" > /dev/null || exit 127
files_of() {
  if [ "$tool" = dpkg-deb ]; then dpkg-deb --fsys-tarfile "$1"; else rpm2archive -n - < "$1"; fi
}
while [ $# -gt 0 ]; do
  { files_of "$1" || : > "$2.failed"; } | dd of="$2" bs=64K count="$3" iflag=fullblock conv=sparse status=none || exit 1
  [ ! -e "$2.failed" ] || exit 1
  shift 3
done`;

/**
 * Writes the file system of each package as an uncompressed tar (dpkg-deb(1), rpm2archive(8)); no script of a package is run. Throws Failure
 * for what is damaged, and for files that are absurdly large for their package.
 */
export async function unpackPackages(
  tool: "dpkg-deb" | "rpm2archive",
  packages: readonly Packed[],
  run: Run,
): Promise<void> {
  const limits = await Promise.all(
    packages.map(async ({ file }) => Math.ceil(Math.max(leastLimit, (await stat(file)).size * mostRatio) / block)),
  );
  const words = packages.flatMap(({ file, tar }, index) => [file, tar, String(limits[index])]);
  try {
    await run(["sh", "-c", unpackScript, "sh", tool, ...words]);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    if (error.exitCode === 127) {
      throw new Failure(`cannot take packages apart: ${tool} is not installed`, {
        hint: `${tool} is in the package ${tool === "dpkg-deb" ? "dpkg" : "rpm"}, on the host or in the image of --builder`,
        cause: error,
      });
    }
    await refuseTooLarge(packages, limits);
    const names = packages.map(({ name }) => name).join(", ");
    throw new Failure(`cannot unpack package ${names}: ${error.complaint}`, { cause: error });
  }
  await refuseTooLarge(packages, limits);
}

async function refuseTooLarge(packages: readonly Packed[], limits: readonly number[]): Promise<void> {
  for (const [index, { name, tar }] of packages.entries()) {
    const most = (limits[index] ?? 0) * block;
    const written = (await stat(tar).catch(() => undefined))?.size ?? 0;
    if (written < most) continue;
    throw new Failure(
      `cannot unpack package ${name}: its files take more than ${Math.round(most / 1024 ** 2)} MiB, which is absurdly much for its size`,
    );
  }
}
