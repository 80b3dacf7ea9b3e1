import path from "node:path";
import type { Closure } from "./closure.ts";
import { resolveClosure } from "./resolve.ts";
import type { RootView } from "./root-view.ts";

/** The PATH that login(1) gives to root. */
const loginPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/**
 * The closure of a file as a person names it: a path in the root, a host path that leads into the root, or a program's name. `directory`
 * is where the root is on this host. The closure has the program under the requested name, which may be a link; its libraries have their
 * canonical paths. Throws NotAProgram.
 */
export function resolveRequested(view: RootView, file: string, directory: string): Closure {
  const inside = pathInRoot(view, file, directory);
  const options = directory === "/" ? { workingDirectory: process.cwd() } : {};
  return renamed(resolveClosure(view, inside, options), path.posix.normalize(inside));
}

function pathInRoot(view: RootView, file: string, directory: string): string {
  const inside = file.startsWith("/") ? file : `${directory === "/" ? process.cwd() : ""}/${file}`;
  if (!file.includes("/") && view.locate(inside) === undefined) return programNamed(view, file, directory) ?? inside;
  if (directory === "/") return inside;
  const outside = path.resolve(file);
  return view.locate(inside) === undefined && outside.startsWith(`${directory}/`)
    ? outside.slice(directory.length)
    : inside;
}

/** A program by its name: in this process's PATH if the root is this host's, then in the usual directories. */
function programNamed(view: RootView, name: string, directory: string): string | undefined {
  const hostPath = directory === "/" ? (process.env.PATH ?? "").split(":").filter((dir) => dir.startsWith("/")) : [];
  return [...hostPath, ...loginPath]
    .map((dir) => path.posix.join(dir, name))
    .find((program) => view.locate(program)?.entry.kind === "file");
}

function renamed(closure: Closure, requested: string): Closure {
  if (closure.binary === requested) return closure;
  const rename = <T extends { readonly requiredBy: readonly string[] }>(file: T): T => ({
    ...file,
    requiredBy: file.requiredBy.map((requirer) => (requirer === closure.binary ? requested : requirer)),
  });
  return { ...closure, binary: requested, files: closure.files.map(rename), missing: closure.missing.map(rename) };
}
