import { findProgram } from "../system/host.ts";
import { CommandFailure, type Run } from "../system/run.ts";

/**
 * Which of this machine's installed packages have these files: the nearest there is to an index of all packages. Files that none has are not in
 * the answer.
 */
export async function packagesHaving(files: readonly string[], run: Run): Promise<ReadonlyMap<string, string>> {
  if (files.length === 0 || findProgram("dpkg-query") === undefined) return new Map();
  return parseSearch(await run(["dpkg-query", "--search", ...files]).catch(outputOf));
}

/** dpkg-query ends with 1 when one of the files is nobody's. */
function outputOf(error: unknown): string {
  if (error instanceof CommandFailure && error.exitCode === 1) return error.stdout;
  throw error;
}

/** `netbase: /etc/services`, `libc6:amd64, libc6:i386: /etc/ld.so.conf.d`. */
export function parseSearch(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, owners, file] = /^(?!diversion )([^/]+): (\/.*)$/.exec(line) ?? [];
      const owner = owners?.split(",")[0]?.replace(/:.*$/, "");
      return file === undefined || owner === undefined ? [] : [[file, owner] as const];
    }),
  );
}
