import { statSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { chainsTo, outline } from "../closure/outline.ts";
import { NotAProgram } from "../elf/errors.ts";
import type { Closure } from "../loader/closure.ts";
import { resolveRequested } from "../loader/requested-file.ts";
import { type RootView, viewRoot } from "../loader/root-view.ts";
import { packagesOfFiles } from "../packages/installed-files.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure, usageFailure } from "../system/errors.ts";
import { openDirectoryRoot } from "../system/root.ts";
import { visibleLine, visibleLines } from "../system/visible.ts";

interface Options {
  readonly json?: true;
  readonly root?: readonly string[];
  readonly why?: string;
}

/** `closure [--json] [--root DIR] FILE...` */
export function addClosureCommand(command: Command, context: CommandContext): void {
  command
    .argument("<file...>", "paths (inside DIR with --root), or program names to look up in PATH")
    .option("--json", "print JSON")
    .option("--root <dir>", "treat this directory as / (repeatable)", (dir: string, all: string[] = []) => [
      ...all,
      dir,
    ])
    .option("--why <soname>", "show only why this library is loaded")
    .addHelpText("after", "\nExits with 1 if a library is missing, 2 if a file is not a program.")
    .action((files: readonly string[], options: Options) => showClosures(files, options, context));
}

/** The answers of one root. */
interface Answer {
  readonly directory: string;
  readonly view: RootView;
  readonly closures: readonly Closure[];
  /** Sentences. */
  readonly refused: readonly string[];
}

async function showClosures(files: readonly string[], options: Options, context: CommandContext): Promise<void> {
  const answers: Answer[] = [];
  for (const directory of (options.root ?? ["/"]).map(rootDirectory)) {
    const view = viewRoot(openDirectoryRoot(directory));
    answers.push({ directory, view, ...(await resolveAll(view, files, directory)) });
  }
  const closures = answers.flatMap((answer) => answer.closures);
  const refused = answers.flatMap((answer) => answer.refused);
  if (options.json) context.printJson(asJson(answers));
  else if (options.why !== undefined) await explain(closures, options.why, context);
  else for (const answer of answers) await draw(answer, answers.length > 1, context);
  if (refused.length > 0) throw new Failure(visibleLines(refused), { kind: "usage" });
  if (options.why === undefined && closures.some((closure) => closure.missing.length > 0)) context.setExitCode(1);
}

async function draw(
  { directory, view, closures }: Answer,
  oneOfSeveral: boolean,
  context: CommandContext,
): Promise<void> {
  const files = new Set(closures.flatMap((closure) => closure.files.map(({ path: file }) => file)));
  const owners = packagesOfFiles(view.root, [...files]);
  if (oneOfSeveral) context.print(`${visibleLine(directory)}:`);
  for (const closure of closures) {
    context.print(outline(closure, (file) => ({ size: view.locate(file)?.entry.size, package: owners.get(file) })));
  }
}

/** One file that is no program does not keep the others from being answered. */
async function resolveAll(
  view: RootView,
  files: readonly string[],
  directory: string,
): Promise<{ readonly closures: readonly Closure[]; readonly refused: readonly string[] }> {
  const closures: Closure[] = [];
  const refused: string[] = [];
  for (const file of files) {
    try {
      closures.push(resolveRequested(view, file, directory));
    } catch (error) {
      if (!(error instanceof NotAProgram)) throw error;
      refused.push(error.message);
    }
  }
  return { closures, refused };
}

function rootDirectory(given: string): string {
  if (given === "" || !statSync(given, { throwIfNoEntry: false })?.isDirectory()) {
    throw usageFailure(`cannot use '${given}' as a root: no such directory`);
  }
  return path.resolve(given);
}

function asJson(answers: readonly Answer[]): object {
  return {
    closures: answers.flatMap(({ directory, closures }) =>
      closures.map(({ binary, kind, interpreter, files, missing, dlopen, warnings }) => ({
        ...(answers.length === 1 ? {} : { root: directory }),
        binary,
        kind,
        interpreter,
        files: files.map(({ path: place, soname, requiredBy, foundBy }) => ({
          path: place,
          soname,
          requiredBy,
          foundBy,
        })),
        missing,
        ...(dlopen.length === 0 ? {} : { dlopen }),
        ...(warnings.length === 0 ? {} : { warnings }),
      })),
    ),
  };
}

async function explain(closures: readonly Closure[], wanted: string, context: CommandContext): Promise<void> {
  const chains = closures.flatMap((closure) => chainsTo(closure, wanted));
  for (const chain of chains) context.print(chain);
  if (chains.length === 0) {
    context.log.warn(`'${wanted}' is not in any of these closures`);
    context.setExitCode(1);
  }
}
