/** What the schema's rules about several values are given: anything at all, since one of the values may be wrong itself. */
export const isMap = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const property = (value: unknown, key: string): unknown => (isMap(value) ? Reflect.get(value, key) : undefined);

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A path of a recipe that cannot be beside another one, and where in the recipe it stands. */
export interface Conflict {
  readonly path: (string | number)[];
  readonly message: string;
}

/** Volumes that would hide something, and files that are something else as well. */
export function pathConflicts(recipe: unknown): readonly Conflict[] {
  const service = property(recipe, "service");
  const [state = [], config = [], runtime = []] = ["state", "config", "runtime"].map((key) =>
    list(property(service, key)),
  );
  return [
    ...hidden(state, config, "config"),
    ...hidden(state, state, "state"),
    ...hidden(state, runtime, "runtime"),
    ...["fedora", "scratch"].flatMap((part) => {
      const [files = [], directories = []] = ["files", "directories"].map((key) =>
        list(property(property(recipe, part), key)).map((entry) => property(entry, "path")),
      );
      return filesInTheWay(files, [...state, ...runtime, ...directories], part);
    }),
  ];
}

function hidden(state: readonly unknown[], paths: readonly unknown[], key: string): readonly Conflict[] {
  const volumes = new Set(state);
  return paths.flatMap((path, index) => {
    const outer = [...(key === "state" ? [] : [path]), ...above(path)].find((directory) => volumes.has(directory));
    if (outer === undefined) return [];
    const message = `lies in the state directory ${String(outer)}, whose volume would hide it`;
    return [{ path: ["service", key, index], message }];
  });
}

function filesInTheWay(files: readonly unknown[], directories: readonly unknown[], part: string): readonly Conflict[] {
  const isDirectory = new Set(directories);
  const insideOf = new Map([...files, ...directories].flatMap((path) => above(path).map((outer) => [outer, path])));
  return files.flatMap((file, index): readonly Conflict[] => {
    const path = [part, "files", index];
    if (isDirectory.has(file)) return [{ path, message: `\`${String(file)}\` is a directory of the recipe` }];
    const inner = typeof file === "string" ? insideOf.get(file) : undefined;
    return inner === undefined ? [] : [{ path, message: `is a file, and ${String(inner)} lies in it` }];
  });
}

/** The directories above a path, nearest first: of `/a/b/c` these are `/a/b` and `/a`. None for what is no path of Linux. */
function above(path: unknown): readonly string[] {
  if (typeof path !== "string" || path.length > 4095) return [];
  const ends = [...path.matchAll(/(?<=.)\//gs)].map(({ index }) => path.slice(0, index));
  return ends.reverse();
}
