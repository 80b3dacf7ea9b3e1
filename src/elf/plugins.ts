import type { RootView } from "./view.ts";

/**
 * The plug-ins that names from a recipe stand for: a directory stands for every ELF library directly in it, in the order of
 * their names (several names of one file once, object files left out); anything else stands for itself.
 */
export function expandPlugins(view: RootView, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const directory = name.startsWith("/") ? view.directory(name) : undefined;
    if (directory === undefined) return [name];
    const seen = new Set<string>();
    return [...directory.names].toSorted().flatMap((file) => {
      const place = view.fileIn(directory, file);
      if (place?.entry.kind !== "file" || seen.has(place.path)) return [];
      const examined = view.examine(place);
      if ("broken" in examined || examined.image.file.type === "relocatable") return [];
      seen.add(place.path);
      return [`${name.replace(/\/+$/, "")}/${file}`];
    });
  });
}
