import path from "node:path";
import { outside } from "../image/run-in-container.ts";
import type { OsImagePlan } from "../plan/plan.ts";
import { runsHere } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { type Outcome, printedBy } from "../system/place.ts";
import { type Command, CommandFailure, shortened } from "../system/run.ts";
import { excludedVersions } from "./exclude-versions.ts";

/** The package managers of Fedora's bases, the preferred one first. */
const managers = ["dnf5", "dnf", "microdnf"] as const;

/** dnf.conf(5); documentation and weak dependencies stay out, and so does everything that only the next call would want. */
const settings = {
  install_weak_deps: "0",
  tsflags: "nodocs",
  keepcache: "0",
  cachedir: `${outside}/cache`,
  logdir: `${outside}/log`,
  persistdir: `${outside}/persist`,
};

const options = Object.entries(settings).map(([name, value]) => `--setopt=${name}=${value}`);

/** Prints the first of its arguments that is a program; a constant. */
const firstProgram = 'for each do command -v "$each" && exit; done; exit 127';

/** Prints the path of the first package manager that a base has. */
export const managerCommand: Command = ["sh", "-c", firstProgram, "sh", ...managers];

/** The path that `managerCommand` printed. Throws Failure if the base has no package manager. */
export function managerIn(plan: OsImagePlan, outcome: Outcome | undefined): string {
  if (!(outcome instanceof CommandFailure)) return printedBy(outcome);
  if (!outcome.notFound) throw explained(outcome, plan, `cannot install packages into ${plan.base}`);
  throw new Failure(`cannot install packages into ${plan.base}: it has none of ${managers.join(", ")}`, {
    hint: "an OS-based image needs a base with a package manager, such as fedora-minimal; see --base",
  });
}

/** The command that installs the plan's packages; of a locked one nothing but its locked version can be chosen. Throws Failure. */
export async function installCommand(
  plan: OsImagePlan,
  manager: string,
  run: (command: Command) => Promise<string>,
): Promise<Command> {
  const excluded: string[] = [];
  if (plan.lock !== undefined) {
    refuseForgetful(plan, manager);
    const query = async (names: readonly string[]) => {
      try {
        return await run([manager, "repoquery", "-q", ...options, ...names]);
      } catch (error) {
        if (!(error instanceof CommandFailure)) throw error;
        const asking = `ask the repositories of ${plan.base} about the packages of the lock`;
        throw explained(error, plan, `cannot ${asking} with ${manager}`);
      }
    };
    excluded.push(...(await excludedVersions(plan.lock, query)));
  }
  const only = excluded.length === 0 ? [] : [`--setopt=excludepkgs=${excluded.join(",")}`];
  return [manager, "install", "-y", ...options, ...only, ...plan.packages];
}

/** Throws Failure if the installation's command failed. */
export function requireInstalled(plan: OsImagePlan, manager: string, outcome: Outcome | undefined): void {
  if (!(outcome instanceof CommandFailure)) return;
  throw explained(outcome, plan, `cannot install ${plan.packages.join(", ")} into ${plan.base} with ${manager}`);
}

/** microdnf knows neither excluded packages nor all that `repoquery` takes. */
function refuseForgetful({ base }: OsImagePlan, manager: string): void {
  if (path.posix.basename(manager) !== "microdnf") return;
  throw new Failure(`cannot build from the lock on ${base}: microdnf cannot be told which versions not to take`, {
    hint: "a lock needs a base with dnf5 or dnf; see --base",
  });
}

/** What dnf 4, dnf5 and microdnf say about a package that no repository has. */
const unknownPackage = /(?:No match for argument|Unable to find a match|No package matches)[:' ]*\s*([^\s']+)/;

function explained(error: CommandFailure, plan: OsImagePlan, cannot: string): Failure {
  const output = `${error.stdout}\n${error.stderr}`;
  if (/exec format error/i.test(output) || !runsHere(plan.arch)) {
    return new Failure(`cannot install packages for ${plan.arch}: this machine does not run its programs`, {
      hint: `register an emulator (the package qemu-user-static), or build on ${plan.arch}; \`dhcpd-build scratch\` needs neither`,
      cause: error,
    });
  }
  const unknown = unknownPackage.exec(output)?.[1];
  if (unknown !== undefined) {
    return new Failure(`cannot install ${unknown} into ${plan.base}: its repositories have no such package`, {
      hint: "check the name in the recipe's fedora.packages",
      cause: error,
    });
  }
  const complaint = /^(?:Error|error|Failed).*$/m.exec(output)?.[0] ?? error.complaint;
  return new Failure(`${cannot}: ${shortened(complaint, 400)}`, {
    hint: "--verbose prints the command, so that it can be tried by hand",
    cause: error,
  });
}
