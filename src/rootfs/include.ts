import type { PackageSource } from "../packages/source.ts";
import { Failure } from "../system/errors.ts";
import { type Located, locate } from "../system/root.ts";

type Packages = Pick<PackageSource, "root">;

/**
 * What a path of the recipe stands for in the packages: the file there, or the directory and everything below it, links followed but none
 * twice. A link inside that leads nowhere is passed over. Throws Failure where nothing is there, or no file or directory.
 */
export function includedEntries(wanted: string, { root }: Packages): readonly Located[] {
  const first = locate(root, wanted);
  if (first === undefined) {
    throw new Failure(`cannot include ${wanted}: none of the packages has it`, {
      hint: "name the package that has it in scratch.packages",
    });
  }
  const found: Located[] = [];
  const directories = new Set<string>();
  const pending = [first];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, entry } = next;
    if (entry.kind === "other") throw new Failure(`cannot include ${path}: it is a device or a pipe`);
    found.push(next);
    if (entry.kind !== "directory" || directories.has(path)) continue;
    directories.add(path);
    const inside = root.names(path).map((name) => locate(root, `${path === "/" ? "" : path}/${name}`));
    pending.push(...inside.filter((each) => each !== undefined));
  }
  return found;
}
