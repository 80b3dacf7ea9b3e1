import { statSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import type { Closure, ClosureOptions } from "../elf/closure.ts";
import type { RootView } from "../elf/view.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure, usageFailure } from "../system/errors.ts";

interface Options {
  readonly json?: true;
  readonly root: string;
  readonly why?: string;
}

/** `closure [--json] [--root DIR] FILE...` */
export function addClosureCommand(program: Command, context: CommandContext): void {
  program
    .command("closure")
    .description("show what the loader would load for programs, libraries and scripts; execute nothing")
    .argument("<file...>", "with --root: paths inside DIR")
    .option("--json", "one JSON document instead of a tree")
    .option("--root <dir>", "look into this directory as if it were /", "/")
    .option("--why <soname>", "only how this library comes in")
    .addHelpText("after", "\nExit code: 0 nothing is missing, 1 something is, 2 bad usage or not a program.")
    .action((files: readonly string[], options: Options) => showClosures(files, options, context));
}

async function showClosures(files: readonly string[], options: Options, context: CommandContext): Promise<void> {
  const [{ openDirectoryRoot }, { viewRoot }] = await Promise.all([
    import("../system/root.ts"),
    import("../elf/view.ts"),
  ]);
  const directory = rootDirectory(options.root);
  const view = viewRoot(openDirectoryRoot(directory));
  const { closures, refused } = await resolveAll(view, files, directory);
  if (options.json) context.print(asJson(closures));
  else if (options.why !== undefined) await explain(closures, options.why, context);
  else {
    const { outline } = await import("../elf/outline.ts");
    for (const closure of closures) context.print(outline(closure, (file) => view.locate(file)?.entry.size));
  }
  if (refused.length > 0) throw new Failure(refused.join("\n"), { kind: "usage" });
  if (options.why === undefined && closures.some((closure) => closure.missing.length > 0)) context.setExitCode(1);
}

/** One file that is no program does not keep the others from being answered. */
async function resolveAll(
  view: RootView,
  files: readonly string[],
  directory: string,
): Promise<{ readonly closures: readonly Closure[]; readonly refused: readonly string[] }> {
  const { resolveClosure } = await import("../elf/closure.ts");
  const { NotAProgram } = await import("../elf/refusals.ts");
  const closureOptions: ClosureOptions = directory === "/" ? { workingDirectory: process.cwd() } : {};
  const closures: Closure[] = [];
  const refused: string[] = [];
  for (const file of files) {
    try {
      const inside = insideRoot(view, file, directory);
      closures.push(asAsked(resolveClosure(view, inside, closureOptions), path.posix.normalize(inside)));
    } catch (error) {
      if (!(error instanceof NotAProgram)) throw error;
      refused.push(error.message);
    }
  }
  return { closures, refused };
}

function rootDirectory(given: string): string {
  if (given === "" || !statSync(given, { throwIfNoEntry: false })?.isDirectory()) {
    throw usageFailure(`cannot look into '${given}': there is no such directory`);
  }
  return path.resolve(given);
}

/** A path inside the root; one that leads into the directory from outside is understood, too. */
function insideRoot(view: RootView, file: string, directory: string): string {
  if (directory === "/") return file.startsWith("/") ? file : `${process.cwd()}/${file}`;
  const inside = file.startsWith("/") ? file : `/${file}`;
  const outside = path.resolve(file);
  return view.locate(inside) === undefined && outside.startsWith(`${directory}/`)
    ? outside.slice(directory.length)
    : inside;
}

/** The program under the name it was asked for by, which may be a link; its libraries stay under their canonical paths. */
function asAsked(closure: Closure, asked: string): Closure {
  if (closure.binary === asked) return closure;
  const rename = <T extends { readonly requiredBy: readonly string[] }>(each: T): T => ({
    ...each,
    requiredBy: each.requiredBy.map((requirer) => (requirer === closure.binary ? asked : requirer)),
  });
  return { ...closure, binary: asked, files: closure.files.map(rename), missing: closure.missing.map(rename) };
}

function asJson(closures: readonly Closure[]): string {
  return JSON.stringify({
    closures: closures.map(({ binary, kind, interpreter, files, missing, dlopen, warnings }) => ({
      binary,
      kind,
      interpreter,
      files: files.map(({ path: file, soname, requiredBy, foundBy }) => ({ path: file, soname, requiredBy, foundBy })),
      missing,
      ...(dlopen.length === 0 ? {} : { dlopen }),
      ...(warnings.length === 0 ? {} : { warnings }),
    })),
  });
}

async function explain(closures: readonly Closure[], wanted: string, context: CommandContext): Promise<void> {
  const { chainsTo } = await import("../elf/outline.ts");
  const chains = closures.flatMap((closure) => chainsTo(closure, wanted));
  for (const chain of chains) context.print(chain);
  if (chains.length === 0) {
    context.log.warn(`'${wanted}' is in none of these closures`);
    context.setExitCode(1);
  }
}
