import path from "node:path";
import { type Arch, arches } from "../../system/arch.ts";
import { Failure } from "../../system/errors.ts";
import { type Outcome, printedBy } from "../../system/place.ts";
import { CommandFailure } from "../../system/run.ts";
import type { Remember } from "../answers.ts";
import { libraryProvide, nevra, parseRepositoryPackages, queryFormat, type RepositoryPackage } from "./rpm.ts";
import { type DnfState, dnfComplaint } from "./state.ts";

/** What dnf answers about the named packages and what they depend on; remembered as long as its metadata is the same. */
export interface DnfCatalog {
  readonly named: readonly RepositoryPackage[];
  /** The named packages and everything that they depend on, every provider of it. */
  readonly known: readonly RepositoryPackage[];
  /** The packages that provide a soname; of several the one that dnf's solver would install. None or one. */
  providersOf(library: string, among: readonly RepositoryPackage[]): readonly RepositoryPackage[];
  /** These packages and no other versions of them, each as `NAME-[EPOCH:]VERSION-RELEASE`. */
  exactly(specifications: readonly string[]): Promise<readonly RepositoryPackage[]>;
  /** The packages that have a file, by absolute path. */
  havingFile(file: string): Promise<readonly RepositoryPackage[]>;
}

export interface CatalogOptions {
  readonly arch: Arch;
  readonly packages: readonly string[];
  readonly state: DnfState;
  readonly remember: Remember;
}

/** Asks dnf three questions at once. Throws Failure where it does not answer. */
export async function openDnfCatalog(options: CatalogOptions): Promise<DnfCatalog> {
  const { arch, packages, state, remember } = options;
  const ask = (...questions: readonly (readonly string[])[]) => remember(questions, (unknown) => state.all(unknown));
  const answerIn = (outcome: Outcome | undefined) => {
    if (outcome instanceof CommandFailure) throw explained(outcome, packages);
    return printedBy(outcome);
  };
  const only = `--arch=${arches[arch].rpm},noarch`;
  const query = (...words: readonly string[]) => ["repoquery", "--qf", queryFormat, only, "--latest-limit=1", ...words];
  const find = async (...words: readonly string[]) =>
    parseRepositoryPackages(answerIn((await ask(query(...words)))[0]));
  const recursive = state.generation === 5 ? ["--providers-of=requires"] : ["--requires", "--resolve"];
  const [first, second, solved] = await ask(query(...packages), query(...recursive, "--recursive", ...packages), [
    "download",
    "--resolve",
    "--alldeps",
    "--url",
    ...packages,
  ]);
  const named = parseRepositoryPackages(answerIn(first));
  const below = parseRepositoryPackages(answerIn(second));
  // It may fail as long as nobody needs it.
  const chosen = () =>
    new Set(
      answerIn(solved)
        .split("\n")
        .map((url) => path.posix.basename(url.trim())),
    );
  return {
    named,
    known: [...new Map([...named, ...below].map((each) => [nevra(each), each])).values()],
    providersOf(library, among) {
      const provide = libraryProvide(library);
      const providers = among.filter(({ provides }) => provides.has(provide));
      if (providers.length < 2) return providers;
      const files = chosen();
      return [providers.find(({ file }) => files.has(file)) ?? providers[0]].filter((each) => each !== undefined);
    },
    exactly: (specifications) => find(...specifications),
    // Lists of files are not fetched without being asked for: <https://fedoraproject.org/wiki/Changes/DNFConditionalFilelists>.
    havingFile: (file) => find("--setopt=optional_metadata_types=filelists", `--file=${file}`),
  };
}

function explained(error: CommandFailure, packages: readonly string[]): Failure {
  if (error.notFound) return error;
  return new Failure(`cannot ask dnf about ${packages.join(", ")}: ${dnfComplaint(error)}`, {
    hint: "check the repositories with dnf repolist, or fetch newer metadata with --refresh",
    cause: error,
  });
}

/**
 * The packages whose libraries these ask for, and those that those ask for, and so on: what will be needed if every program in them is.
 * Dependencies that are no libraries are not followed.
 */
export function withLibraries(
  packages: readonly RepositoryPackage[],
  catalog: DnfCatalog,
): readonly RepositoryPackage[] {
  const all = new Set(packages);
  // A set is walked through to what is added on the way.
  for (const each of all) {
    for (const library of each.libraries) {
      for (const provider of catalog.providersOf(library, catalog.known)) all.add(provider);
    }
  }
  return [...all];
}
