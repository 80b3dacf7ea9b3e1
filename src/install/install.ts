import path from "node:path";
import type { Buildah, WorkingContainer } from "../image/buildah.ts";
import { outside, runSeriesInside } from "../image/run-in-container.ts";
import type { OsImagePlan } from "../plan/plan.ts";
import { printedBy } from "../system/place.ts";
import type { Command } from "../system/run.ts";
import { installCommand, managerCommand, managerIn, requireInstalled } from "./dnf.ts";
import { type Owner, ownerFormat, parseOwners, type Requirer, relationsFormat, requirersIn } from "./rpm-database.ts";

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
  /** Of its provides those of what it bundles, with commas between; absent where there are none. */
  readonly bundled?: string;
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
  /** Has the lines of os-release(5). */
  readonly osRelease: string;
  /** The package that has the service's program; absent if none has it. */
  readonly owner?: Owner;
  readonly packages: readonly InstalledPackage[];
  /** Those of them that the base did not have, or not in this version. */
  readonly added: readonly AddedPackage[];
}

/** Prints os-release(5), and on the last line which package has the file that a path leads to; a constant. */
const describing = `cat /etc/os-release; echo; rpm -qf --qf '${ownerFormat}' "$(readlink -f "$1")" || :`;

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

export interface Installation {
  /** A directory of the host for caches and logs. */
  readonly scratch: string;
  /** The time that is recorded as the installation's; seconds since the epoch. */
  readonly time: number;
}

/**
 * Installs the plan's packages with whatever package manager the base has, for the service's user: no documentation, no weak
 * dependencies, nothing left in the layer that would differ the next time. Throws Failure.
 */
export async function installPackages(
  plan: OsImagePlan,
  container: WorkingContainer,
  buildah: Buildah,
  { scratch, time }: Installation,
): Promise<Installed> {
  const options = {
    // rpm takes it for the time of installation; without it python would leave files with today's time in them.
    env: { SOURCE_DATE_EPOCH: String(time), PYTHONDONTWRITEBYTECODE: "1", LC_ALL: "C.UTF-8" },
    volumes: { [outside]: scratch },
    exchange: outside,
  };
  const series = (...commands: readonly Command[]) => {
    const steps = commands.map((command) => ({ command }));
    return runSeriesInside(container, steps, options, buildah);
  };
  const [found, listed] = await series(managerCommand, installedQuery);
  const manager = managerIn(plan, found);
  const before = parseInstalled(printedBy(listed));
  const installing = await installCommand(plan, manager, async (command) => printedBy((await series(command))[0]));
  const describe: Command = ["sh", "-c", describing, "sh", plan.service.command[0] ?? "/"];
  const outcomes = await series(installing, ...chownState(plan), installedQuery, describe);
  requireInstalled(plan, manager, outcomes[0]);
  const [packages = "", described = ""] = outcomes.map(printedBy).slice(-2);
  const after = parseInstalled(packages);
  const old = new Set(before.map(({ sha256 }) => sha256));
  const added = after.filter(({ sha256 }) => !old.has(sha256));
  const relations: readonly Command[] =
    added.length === 0 ? [] : [["rpm", "-q", "--qf", relationsFormat, ...added.map(nameOf)]];
  // Removing is the last thing: rpm itself leaves some of it behind.
  const [related = ""] = (await series(...relations, ["rm", "-f", ...volatile])).map(printedBy);
  const requirers = requirersIn(related);
  const owner = parseOwners(described.slice(described.lastIndexOf("\n") + 1))[0];
  return {
    osRelease: described,
    packages: after,
    added: added.map((each) => ({ ...each, requiredBy: requirers.get(nameOf(each)) ?? [] })),
    ...(owner === undefined ? {} : { owner }),
  };
}

function nameOf({ name, arch }: InstalledPackage): string {
  return `${name}.${arch}`;
}

const fields = ["NAME", "EPOCHNUM", "VERSION", "RELEASE", "ARCH", "SOURCERPM", "LICENSE", "SHA256HEADER", "BUILDTIME"];
/** A provide without a version has none after its `=`; a tag of both together is newer than the rpm of some bases. */
const queryFormat = `${fields.map((field) => `%{${field}}`).join("\\t")}\\t[%{PROVIDENAME} = %{PROVIDEVERSION},]\\n`;

const installedQuery: Command = ["rpm", "-qa", "--qf", queryFormat];

/** Reads what rpm prints for the query above, sorted by name; keys in the database are no packages. */
export function parseInstalled(text: string): readonly InstalledPackage[] {
  return text
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([name, , , , , source]) => name !== undefined && name !== "gpg-pubkey" && source !== undefined)
    .map(
      ([
        name = "",
        epoch,
        version = "",
        release,
        arch = "",
        sourceFile = "",
        license = "",
        sha256 = "",
        built,
        provides,
      ]) => ({
        name,
        version: `${epoch === "0" ? "" : `${epoch}:`}${version}-${release}`,
        upstreamVersion: version,
        arch,
        sourceFile,
        license,
        ...bundledIn(provides),
        sha256,
        built: Number(built),
      }),
    )
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.arch < b.arch ? -1 : 1));
}

function bundledIn(provides = ""): Pick<InstalledPackage, "bundled"> {
  const bundled = provides.split(",").filter((each) => each.startsWith("bundled("));
  if (bundled.length === 0) return {};
  const named = bundled.map((each) => each.replace(/ = $/, ""));
  return { bundled: named.sort().join(", ") };
}

/**
 * Packages count on a service that begins as root and goes on as an account of theirs, whose number is chosen at installation. Here it is
 * the recipe's user from the beginning: what they have put into its state directories becomes that user's, and the directories on the way
 * to its configuration let everybody in, as those of a scratch image do. Returns the commands that do so, in their order.
 */
function chownState({ service, directories }: OsImagePlan): readonly Command[] {
  const state = directories.filter((directory) => service.state.includes(directory.path));
  const ways = [...new Set(service.config.flatMap(parentsOf))];
  const all = [...state.map((directory) => directory.path), ...ways];
  return [
    ...(all.length > 0 ? [["mkdir", "-p", ...all] as const] : []),
    ...state.map(({ path: place, uid, gid }) => ["chown", "-hR", `${uid}:${gid}`, place] as const),
    ...(ways.length > 0 ? [["chmod", "o+rx", ...ways] as const] : []),
  ];
}

/** The directories that a path leads through, without `/`. */
function parentsOf(place: string): readonly string[] {
  const parent = path.posix.dirname(place);
  return parent === "/" ? [] : [...parentsOf(parent), parent];
}
