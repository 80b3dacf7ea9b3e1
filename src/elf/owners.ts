import { locate, type Root } from "../system/root.ts";

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
