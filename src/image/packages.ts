import type { OsImagePlan } from "../plan.ts";
import { runsHere } from "../system/emulation.ts";
import { Failure } from "../system/errors.ts";
import { type Command, CommandFailure } from "../system/run.ts";
import type { Buildah, WorkingContainer } from "./buildah.ts";
import { outside, runInside } from "./inside.ts";
import { otherVersions } from "./pinned.ts";
import { type Requirer, relationsFormat, requirersIn } from "./relations.ts";

/** A package that an OS-based image has, as its own database describes it. */
export interface InstalledPackage {
  readonly name: string;
  /** With epoch and release: `12:4.4.3-27.P1.fc44`. */
  readonly version: string;
  readonly upstreamVersion: string;
  readonly arch: string;
  /** The source package's file name. */
  readonly sourceFile: string;
  readonly license: string;
  /** Of the package's header, which covers the digests of its files (the package file itself is gone). */
  readonly sha256: string;
  /** Seconds since the epoch. */
  readonly built: number;
}

/** A package that the installation brought, and not the base. */
export interface AddedPackage extends InstalledPackage {
  /** Those of them that ask for it. */
  readonly requiredBy: readonly Requirer[];
}

/** What an OS-based image is once everything is installed. */
export interface Installed {
  /** os-release(5) as text. */
  readonly osRelease: string;
  readonly packages: readonly InstalledPackage[];
  /** Those of them that the base did not have, or not in this version. */
  readonly added: readonly AddedPackage[];
}

/** Left behind by rpm, dnf and ldconfig, different each time and made anew when missed. */
const volatile = [
  "/usr/lib/sysimage/rpm/rpmdb.sqlite-shm",
  "/usr/lib/sysimage/libdnf5/transaction_history.sqlite",
  "/usr/lib/sysimage/libdnf5/transaction_history.sqlite-shm",
  "/usr/lib/sysimage/libdnf5/transaction_history.sqlite-wal",
  "/var/cache/ldconfig/aux-cache",
  // dnf 4's plugin for the shell's completion; in spite of cachedir.
  "/var/cache/dnf/packages.db",
  // In spite of logdir: what dnf 4's library and dnf5 write before they have read their options.
  "/var/log/hawkey.log",
  "/var/log/dnf5.log",
];

/** The package managers of Fedora's bases, the preferred one first. */
const managers = ["dnf5", "dnf", "microdnf"] as const;

export interface Installation {
  /** A directory of the host for caches and logs. */
  readonly scratch: string;
  /** The time that is recorded as the installation's; seconds since the epoch. */
  readonly time: number;
}

/**
 * Installs the plan's packages with whatever package manager the base has: no documentation, no weak dependencies, nothing left in the
 * layer that would differ the next time. Throws Failure.
 */
export async function installPackages(
  plan: OsImagePlan,
  container: WorkingContainer,
  buildah: Buildah,
  { scratch, time }: Installation,
): Promise<Installed> {
  const run = (command: Command) => {
    const options = {
      // rpm takes it for the time of installation; without it python would leave files with today's time in them.
      env: { SOURCE_DATE_EPOCH: String(time), PYTHONDONTWRITEBYTECODE: "1", LC_ALL: "C.UTF-8" },
      volumes: { [outside]: scratch },
      exchange: outside,
    };
    return runInside(container, command, options, buildah);
  };
  // Not side by side: buildah (1.39) breaks where two run in one container at once.
  const manager = await findManager(plan, run);
  const before = await installedPackages(run);
  const manage = async (verb: string, ...words: readonly string[]) => {
    try {
      return await run([manager, verb, ...words]);
    } catch (error) {
      throw error instanceof CommandFailure ? explained(error, plan, manager) : error;
    }
  };
  const excluded =
    plan.lock === undefined
      ? []
      : await otherVersions(plan.lock, (names) => manage("repoquery", "-q", ...options, ...names));
  const only = excluded.length === 0 ? [] : [`--setopt=excludepkgs=${excluded.join(",")}`];
  await manage("install", "-y", ...options, ...only, ...plan.packages);
  const packages = await installedPackages(run);
  const osRelease = await run(["cat", "/etc/os-release"]);
  const old = new Set(before.map(({ sha256 }) => sha256));
  const added = packages.filter(({ sha256 }) => !old.has(sha256));
  const names = added.map(({ name, arch }) => `${name}.${arch}`);
  const requirers =
    names.length === 0 ? undefined : requirersIn(await run(["rpm", "-q", "--qf", relationsFormat, ...names]));
  // The last thing: rpm itself leaves some of it behind.
  await run(["rm", "-f", ...volatile]);
  return {
    osRelease,
    packages,
    added: added.map((each) => ({ ...each, requiredBy: requirers?.get(each.name) ?? [] })),
  };
}

type RunInBase = (command: Command) => Promise<string>;

/** Prints the first of its arguments that is a program; a constant. */
const firstProgram = 'for each do command -v "$each" && exit; done; exit 127';

async function findManager(plan: OsImagePlan, run: RunInBase): Promise<string> {
  try {
    return await run(["sh", "-c", firstProgram, "sh", ...managers]);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    if (!error.notFound) throw explained(error, plan, managers[0]);
    throw new Failure(`cannot install packages into ${plan.base}: it has none of ${managers.join(", ")}`, {
      hint: "an OS-based image needs a base with a package manager, such as fedora-minimal; see --base",
    });
  }
}

/** dnf.conf(5); documentation and weak dependencies stay out, and so does everything that only the next call would want. */
const settings = {
  install_weak_deps: "False",
  tsflags: "nodocs",
  keepcache: "False",
  cachedir: `${outside}/cache`,
  logdir: `${outside}/log`,
  persistdir: `${outside}/persist`,
};

const options = Object.entries(settings).map(([name, value]) => `--setopt=${name}=${value}`);

/** What dnf 4, dnf5 and microdnf say about a package that no repository has. */
const unknownPackage = /(?:No match for argument|Unable to find a match|No package matches)[:' ]*\s*([^\s']+)/;

function explained(error: CommandFailure, plan: OsImagePlan, manager: string): Failure {
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
  return new Failure(`cannot install ${plan.packages.join(", ")} into ${plan.base} with ${manager}: ${complaint}`, {
    hint: "--verbose prints the command, so that it can be tried by hand",
    cause: error,
  });
}

const fields = ["NAME", "EPOCHNUM", "VERSION", "RELEASE", "ARCH", "SOURCERPM", "LICENSE", "SHA256HEADER", "BUILDTIME"];
const queryFormat = `${fields.map((field) => `%{${field}}`).join("\\t")}\\n`;

async function installedPackages(run: RunInBase): Promise<readonly InstalledPackage[]> {
  return parseInstalled(await run(["rpm", "-qa", "--qf", queryFormat]));
}

/** Reads what rpm prints for the query above, sorted by name; keys in the database are no packages. */
export function parseInstalled(text: string): readonly InstalledPackage[] {
  return text
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([name, , , , , source]) => name !== undefined && name !== "gpg-pubkey" && source !== undefined)
    .map(([name = "", epoch, version = "", release, arch = "", sourceFile = "", license = "", sha256 = "", built]) => ({
      name,
      version: `${epoch === "0" ? "" : `${epoch}:`}${version}-${release}`,
      upstreamVersion: version,
      arch,
      sourceFile,
      license,
      sha256,
      built: Number(built),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.arch < b.arch ? -1 : 1));
}
