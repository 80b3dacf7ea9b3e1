import { findProgram } from "../system/host.ts";
import { locate, type Root } from "../system/root.ts";
import { CommandFailure, type Run } from "../system/run.ts";

const lists = "/var/lib/dpkg/info";
/** The longest list of a real package has some megabytes. */
const mostListBytes = 32 * 1024 * 1024;

/**
 * The packages that files belong to, by canonical path, as dpkg's own records in the root have it (dpkg-query(1)); nothing is run. Files that
 * nobody owns, and roots without such records, are not in the answer.
 */
export function packagesOfFiles(root: Root, files: readonly string[]): ReadonlyMap<string, string> {
  const directory = locate(root, lists);
  // Records from before the merge of /usr have the old names.
  const wanted = new Map(files.flatMap((file) => [file, file.replace(/^\/usr\//, "/")].map((name) => [name, file])));
  const owners = new Map<string, string>();
  if (directory?.entry.kind !== "directory" || files.length === 0) return owners;
  for (const name of root.names(directory.path).filter((each) => each.endsWith(".list"))) {
    const place = locate(root, `${directory.path}/${name}`);
    if (place?.entry.kind !== "file" || place.entry.size > mostListBytes) continue;
    for (const line of readText(root, place.path, place.entry.size).split("\n")) {
      const file = wanted.get(line);
      if (file !== undefined) owners.set(file, name.replace(/(:\w+)?\.list$/, ""));
    }
  }
  return owners;
}

function readText(root: Root, file: string, size: number): string {
  return Buffer.from(root.read(file, 0, size)).toString("utf8");
}

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
