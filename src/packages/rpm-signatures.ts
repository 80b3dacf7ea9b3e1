import { mkdir } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import type { DnfState } from "./dnf-state.ts";
import { fileName, type RepositoryPackage } from "./rpm.ts";

/** How a repository's packages are to be trusted. */
export interface RepositoryTrust {
  /** Whether its packages must be signed (gpgcheck of dnf.conf(5)). */
  readonly isChecked: boolean;
  /** Where its keys are, as URLs or paths. */
  readonly keys: readonly string[];
}

interface Context {
  /** Where the package files are. */
  readonly directory: string;
  readonly run: Run;
  readonly log: Log;
}

/**
 * Checks the signatures of downloaded packages with the keys of the repositories they are from, in a key ring of their own: neither
 * `dnf download` checks them (rpm-software-management/dnf5 issue 1985). Throws Failure for the first that is not trusted.
 */
export async function verifySignatures(
  packages: readonly RepositoryPackage[],
  trust: ReadonlyMap<string, RepositoryTrust>,
  context: Context,
): Promise<void> {
  const repositories = [...new Set(packages.map(({ repository }) => repository))];
  for (const repository of repositories) {
    const { isChecked, keys } = trust.get(repository) ?? { isChecked: true, keys: [] };
    if (!isChecked) {
      context.log.warn(`signatures of ${repository} are not checked: its configuration says gpgcheck=0`);
      continue;
    }
    if (keys.length === 0) {
      throw new Failure(`cannot trust the packages of ${repository}: its configuration names no key`, {
        hint: "give it a gpgkey=, as dnf.conf(5) says",
      });
    }
    const files = packages.filter((each) => each.repository === repository).map(fileName);
    await checkFiles(files, { repository, keys }, context);
  }
}

async function checkFiles(
  files: readonly string[],
  { repository, keys }: { readonly repository: string; readonly keys: readonly string[] },
  { directory, run }: Context,
): Promise<void> {
  const keyring = path.join(directory, `keys-${Buffer.from(repository).toString("hex")}`);
  await mkdir(keyring);
  const database = ["--dbpath", keyring] as const;
  try {
    await run(["rpmkeys", ...database, "--import", ...keys.map((key) => key.replace(/^file:\/\//, ""))]);
    await run(["rpmkeys", ...database, "--define", "_pkgverify_level all", "--checksig", ...files], { cwd: directory });
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.notFound) throw error;
    const bad = /^(.+\.rpm): .*NOT OK/m.exec(`${error.stdout}\n${error.stderr}`)?.[1];
    throw new Failure(
      `cannot trust ${bad ?? `the packages of ${repository}`}: its signature is wrong or by an unknown key`,
      {
        hint: `the keys are ${keys.join(", ")}`,
        cause: error,
      },
    );
  }
}

/** What dnf's configuration says of these repositories. */
export async function trustOf(
  repositories: readonly string[],
  state: DnfState,
): Promise<ReadonlyMap<string, RepositoryTrust>> {
  return state.generation === 5
    ? parseRepoInfo(await state.dnf("repo", "info", "--json", ...repositories))
    : parseConfigDump(await state.dnf("config-manager", "--dump", ...repositories));
}

/** Reads what `dnf5 repo info --json` prints. */
export function parseRepoInfo(text: string): ReadonlyMap<string, RepositoryTrust> {
  const listed = JSON.parse(text) as readonly {
    readonly id: string;
    readonly pkg_gpgcheck?: boolean;
    readonly gpg_key?: readonly string[];
  }[];
  return new Map(listed.map(({ id, pkg_gpgcheck: isChecked = true, gpg_key: keys = [] }) => [id, { isChecked, keys }]));
}

/** Reads what `dnf config-manager --dump` of dnf 4 prints. */
export function parseConfigDump(text: string): ReadonlyMap<string, RepositoryTrust> {
  const sections = text.split(/^\[(.+)\]$/m);
  const trust = new Map<string, RepositoryTrust>();
  for (let index = 1; index + 1 < sections.length; index += 2) {
    const value = (name: string) => new RegExp(`^${name} = (.*)$`, "m").exec(sections[index + 1] ?? "")?.[1];
    const keys = (value("gpgkey") ?? "").split(/[\s,]+/).filter((key) => key !== "");
    trust.set(sections[index] ?? "", { isChecked: value("gpgcheck") !== "0", keys });
  }
  return trust;
}
