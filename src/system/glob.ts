import path from "node:path";
import { type Located, locate, type Root } from "./root.ts";

/**
 * The paths of a root that match a pattern of glob(7): `*`, `?` and `[...]` within one name, where a dot at its beginning must be written;
 * `**` as a whole name stands for any number of directories, links not followed. Sorted, each once. A pattern that is itself the path of
 * something is that path.
 */
export function matchingPaths(root: Root, pattern: string): readonly string[] {
  if (locate(root, pattern) !== undefined) return [pattern];
  const names = pattern.split("/").filter((name) => name !== "");
  let found: readonly string[] = [""];
  for (const [index, name] of names.entries()) {
    const next = found.flatMap((directory) => below(root, directory, name, index === names.length - 1));
    found = [...new Set(next)];
  }
  return found.filter((each) => each !== "" && locate(root, each) !== undefined).toSorted(byBytes);
}

/** Whether a name or path has a wildcard. */
export function hasWildcard(text: string): boolean {
  return /[*?]|\[.+\]/.test(text);
}

function below(root: Root, directory: string, name: string, isLast: boolean): readonly string[] {
  if (name === "**") return isLast ? everything(root, directory) : [directory, ...everything(root, directory, true)];
  if (!hasWildcard(name)) return [`${directory}/${name}`];
  const expression = nameExpression(name);
  return namesIn(root, directory)
    .filter((each) => expression.test(each))
    .map((each) => `${directory}/${each}`);
}

function everything(root: Root, directory: string, directoriesAlone = false): readonly string[] {
  const found: string[] = [];
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const name of namesIn(root, next).filter((each) => !each.startsWith("."))) {
      const place = `${next}/${name}`;
      const isDirectory = root.entry(located(root, next, name))?.kind === "directory";
      if (isDirectory) pending.push(place);
      if (isDirectory || !directoriesAlone) found.push(place);
    }
  }
  return found;
}

function namesIn(root: Root, directory: string): readonly string[] {
  const place: Located | undefined = locate(root, directory === "" ? "/" : directory);
  return place?.entry.kind === "directory" ? root.names(place.path) : [];
}

/** The name itself, not what it leads to. */
function located(root: Root, directory: string, name: string): string {
  return path.posix.join(locate(root, directory === "" ? "/" : directory)?.path ?? "/", name);
}

/** `[!a-c]` is the only part that is not written the same in a regular expression. */
function nameExpression(name: string): RegExp {
  const source = name.replaceAll(/\[([!^]?)(\]?[^\]]*)\]|([*?])|[^\w]/gu, (part, negated, listed, wildcard) => {
    if (wildcard !== undefined) return wildcard === "*" ? "[^/]*" : "[^/]";
    if (listed !== undefined) return `[${negated === "" ? "" : "^"}${listed.replaceAll(/[\\\]^[&~|]/g, "\\$&")}]`;
    return `\\u{${part.codePointAt(0)?.toString(16)}}`;
  });
  return new RegExp(`^${/^[*?[]/.test(name) ? "(?!\\.)" : ""}${source}$`, "u");
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
