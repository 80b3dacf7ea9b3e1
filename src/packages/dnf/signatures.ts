import path from "node:path";
import { Failure } from "../../system/errors.ts";
import type { Log } from "../../system/log.ts";
import type { Outcome } from "../../system/place.ts";
import { type Command, CommandFailure } from "../../system/run.ts";
import { findUntrusted, keysNotImported } from "./checksig.ts";
import type { RepositoryPackage } from "./rpm.ts";
import type { DnfState } from "./state.ts";

/** How a repository's packages are to be trusted. */
export interface RepositoryTrust {
  /** Whether its packages must be signed (gpgcheck of dnf.conf(5)). */
  readonly isChecked: boolean;
  /** Where its keys are, as URLs or paths. */
  readonly keys: readonly string[];
}

/** Packages of one repository and what they are checked with. */
export interface SignatureCheck {
  readonly repository: string;
  /** URLs or paths. */
  readonly keys: readonly string[];
  /** Absolute paths. */
  readonly files: readonly string[];
}

/**
 * What is to be checked of packages that were downloaded to a directory: neither `dnf download` checks signatures
 * (rpm-software-management/dnf5 issue 1985). Throws Failure for a repository whose packages must be signed and that names no key.
 */
export function signatureChecks(
  packages: readonly RepositoryPackage[],
  trust: ReadonlyMap<string, RepositoryTrust>,
  { directory, log }: { readonly directory: string; readonly log: Log },
): readonly SignatureCheck[] {
  const repositories = [...new Set(packages.map(({ repository }) => repository))];
  return repositories.flatMap((repository) => {
    const { isChecked, keys } = trust.get(repository) ?? { isChecked: true, keys: [] };
    if (!isChecked) {
      log.warn(`signatures of ${repository} are not checked: its configuration says gpgcheck=0`);
      return [];
    }
    if (keys.length === 0) {
      throw new Failure(`cannot trust the packages of ${repository}: its configuration names no key`, {
        hint: "give it a gpgkey=, as dnf.conf(5) says",
      });
    }
    const own = packages.filter((each) => each.repository === repository);
    const files = own.map(({ file }) => path.join(directory, file));
    return [{ repository, keys, files }];
  });
}

/** The command that puts a check's keys into a key ring of their own, an existing empty directory. It may fail for some of the keys. */
export function importCommand({ keys }: SignatureCheck, keyring: string): Command {
  return ["rpmkeys", "--dbpath", keyring, "--import", ...keys.map((key) => key.replace(/^file:\/\//, ""))];
}

/** Warns of the keys that rpm cannot import; the others are enough for the packages that are signed with them. */
export function warnOfKeys({ repository }: SignatureCheck, outcome: Outcome, log: Log): void {
  if (!(outcome instanceof CommandFailure)) return;
  const keys = keysNotImported(outcome.stderr);
  for (const key of keys.length === 0 ? [outcome.complaint] : keys)
    log.warn(`cannot use a key of ${repository}: ${key}`);
}

/** The command that checks the signatures of a check's packages with the keys of a key ring. */
export function checkCommand({ files }: SignatureCheck, keyring: string): Command {
  return ["rpmkeys", "--dbpath", keyring, "--define", "_pkgverify_level all", "--verbose", "--checksig", ...files];
}

/** Throws Failure for the first package that is not to be trusted, and says why. */
export function requireTrusted({ keys, files }: SignatureCheck, outcome: Outcome): void {
  if (!(outcome instanceof CommandFailure)) return;
  const untrusted = findUntrusted(files, outcome);
  if (untrusted === undefined) return;
  throw new Failure(`cannot trust ${path.basename(untrusted.file)}: ${untrusted.why}`, {
    hint: `the keys are ${keys.join(", ")}`,
    cause: outcome,
  });
}

/** How dnf is asked what its configuration says of these repositories. */
export function trustQuestion(repositories: readonly string[], { generation }: DnfState): readonly string[] {
  return generation === 5 ? ["repo", "info", "--json", ...repositories] : ["config-manager", "--dump", ...repositories];
}

/** Reads the answer. */
export function parseTrust(answer: string, { generation }: DnfState): ReadonlyMap<string, RepositoryTrust> {
  return generation === 5 ? parseRepoInfo(answer) : parseConfigDump(answer);
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
