import path from "node:path";
import type { Package, PackageSource } from "../packages/source.ts";
import { licenseExpression } from "../report/license.ts";
import { Failure } from "../system/errors.ts";
import type { Family } from "../system/family.ts";
import { locate, type Root } from "../system/root.ts";
import { type DeclaredUser, parseSysusers, parseTmpfiles, portsIn } from "./declarations.ts";
import { commandOf, parseEnvironment, parseUnit, type Unit, wordsOf } from "./unit.ts";

/** What a package says of its service; nothing in it was run. */
export interface Survey {
  readonly family: Family;
  readonly package: string;
  readonly license: string | undefined;
  /** The unit file and what it says; undefined where the package has none. */
  readonly unit: { readonly path: string; readonly says: Unit; readonly package: string } | undefined;
  /** From the unit's EnvironmentFile= and Environment=. */
  readonly variables: ReadonlyMap<string, string>;
  /** The daemon, as far as names tell, and the package that has it. */
  readonly daemon: { readonly path: string; readonly package: string };
  /** Whether a path is an ELF file and no script. */
  isProgram(path: string): boolean;
  readonly users: readonly DeclaredUser[];
  /** Directories that are made at boot. */
  readonly made: readonly string[];
  /** Directories of the payload below /var/lib, /var/cache and /var/spool. */
  readonly state: readonly string[];
  /** Configuration files below /etc. */
  readonly configuration: readonly string[];
  /** By configuration file, the ports in it. */
  readonly ports: ReadonlyMap<string, readonly number[]>;
}

const unitDirectories = ["/usr/lib/systemd/system", "/etc/systemd/system"];

/** Looks through the packages of a source, and through those that its first one needs as long as no unit is found. */
export async function survey(source: PackageSource): Promise<Survey> {
  const [main] = source.named;
  if (main === undefined) throw new Error("a source without a package was surveyed");
  const name = main.name.replace(/-server$/, "");
  // nginx-light is a kind of nginx.
  const names = [...new Set([main.name, name, `${name}d`, name.replace(/-[^-]+$/, "")])];
  const unitNames = names.map((each) => `${each}.service`);
  // A package with the daemon and one with the rest is a usual division, either way round.
  const namedUnit = await look(source, `/usr/lib/systemd/system/${main.name}.service`, () =>
    findUnit(source, unitNames, main),
  );
  const daemon =
    (await look(source, `/usr/sbin/${name}`, () => findDaemon(source, names, main))) ?? ownProgram(source, main);
  // The daemon's package may have brought it.
  const unitPath = namedUnit ?? findUnit(source, unitNames, main);
  if (daemon === undefined) {
    throw new Failure(`cannot write a recipe for ${main.name}: it has no program`, {
      hint: hintFor(source, main),
    });
  }
  const { root } = source;
  if (unitPath === undefined && !isDaemon(source, daemon, main)) {
    throw new Failure(`cannot write a recipe for ${main.name}: it has no service`, {
      hint: "it has no systemd unit and no init script, and its programs are in /usr/bin; name the package that has the daemon",
    });
  }
  const says = unitPath === undefined ? undefined : parseUnit(readText(root, unitPath) ?? "");
  const owners = new Set([
    main.name,
    source.root.describe(daemon).package?.name ?? "",
    unitPath === undefined ? "" : (source.root.describe(unitPath).package?.name ?? ""),
  ]);
  const files = (...directories: readonly string[]) =>
    directories.flatMap((directory) =>
      filesBelow(root, directory).filter((file) => owners.has(source.root.describe(file).package?.name ?? "")),
    );
  const texts = (directory: string) => files(directory).map((file) => readText(root, file) ?? "");
  const configuration = files("/etc").filter(
    (file) =>
      !/^\/etc\/(?:init\.d|default|sysconfig|logrotate\.d|apparmor\.d|cron|ufw|pam\.d|systemd|sv|runit)/.test(file),
  );
  return {
    family: source.family,
    package: main.name,
    license: licenseExpression(main.licenses),
    unit:
      unitPath === undefined || says === undefined
        ? undefined
        : { path: unitPath, says, package: source.root.describe(unitPath).package?.name ?? main.name },
    variables: variablesOf(root, says),
    daemon: { path: daemon, package: source.root.describe(daemon).package?.name ?? main.name },
    isProgram: (file) => isElf(root, file),
    users: texts("/usr/lib/sysusers.d").flatMap(parseSysusers),
    made: texts("/usr/lib/tmpfiles.d").flatMap(parseTmpfiles),
    state: ["/var/lib", "/var/cache", "/var/spool"].flatMap((directory) =>
      root
        .names(directory)
        .map((each) => `${directory}/${each}`)
        .filter((each) => root.entry(each)?.kind === "directory" && each.includes(name)),
    ),
    configuration,
    ports: new Map(configuration.map((file) => [file, portsIn(readText(root, file) ?? "")])),
  };
}

/** Whether a program without a unit is a daemon: it has an init script, or lies where people do not start programs from. */
function isDaemon(source: PackageSource, program: string, main: Package): boolean {
  const owners = [main.name, source.root.describe(program).package?.name];
  const scripts = [...source.root.names("/etc/init.d")].map((name) => `/etc/init.d/${name}`);
  return (
    !program.startsWith("/usr/bin/") ||
    scripts.some((script) => owners.includes(source.root.describe(script).package?.name))
  );
}

/** A package without a program stands for others: those in hand that are called like it. */
function hintFor(source: PackageSource, main: Package): string {
  const owners = filesBelow(source.root, "/usr").map((file) => source.root.describe(file).package?.name ?? "");
  const others = [...new Set(owners)].filter((name) => name !== main.name && name.startsWith(main.name)).sort();
  return others.length === 0
    ? "name the package that has the daemon"
    : `name a package that it needs, such as: dhcpd-build init ${others[0]}${others.length === 1 ? "" : ` (or ${others.slice(1).join(", ")})`}`;
}

/** How many packages are looked into beside the named one. */
const furtherPackages = 4;

/** Looks for something in what is there, and in one package after the other that the source would provide a file from. */
async function look(source: PackageSource, file: string, find: () => string | undefined): Promise<string | undefined> {
  for (let further = 0; further < furtherPackages; further++) {
    const found = find();
    if (found !== undefined) return found;
    if (!(await source.provide([{ wanted: file, requiredBy: [] }]))) return undefined;
  }
  return find();
}

const programDirectories = ["/usr/sbin", "/usr/bin", "/usr/libexec"];

/** A program of one of these names, else the package's first one that is for daemons. */
function findDaemon(source: PackageSource, names: readonly string[], main: Package): string | undefined {
  const { root } = source;
  const named = programDirectories.flatMap((directory) => names.map((name) => `${directory}/${name}`));
  const own = [...root.names("/usr/sbin")].sort().map((name) => `/usr/sbin/${name}`);
  const isOwn = (place: string) => source.root.describe(place).package?.name === main.name;
  const found = [...named, ...own.filter(isOwn)].find((place) => isRunnable(root, place));
  return found === undefined ? undefined : ownPath(root, found);
}

/** The program where its package has it: `/usr/sbin` may be a link to `bin`. A program that is a link stays one. */
function ownPath(root: Root, place: string): string {
  const canonical = locate(root, place)?.path;
  return canonical !== undefined && path.posix.basename(canonical) === path.posix.basename(place) ? canonical : place;
}

/** The package's own program whose name the package's begins with, wherever it lies (of postgresql-15 it is postgres), else its first. */
function ownProgram(source: PackageSource, main: Package): string | undefined {
  const { root } = source;
  const own = filesBelow(root, "/usr")
    .filter((place) => /\/(?:s?bin|libexec)\/[^/]+$/.test(place) && isRunnable(root, place))
    .filter((place) => source.root.describe(place).package?.name === main.name);
  return own.find((place) => main.name.startsWith(path.posix.basename(place))) ?? own[0];
}

function isRunnable(root: Root, place: string): boolean {
  const entry = locate(root, place)?.entry;
  return entry?.kind === "file" && (entry.mode & 0o111) !== 0;
}

/** A unit of one of these names, else the package's own: one that has such a name besides, or starts a program and no script. */
function findUnit(source: PackageSource, names: readonly string[], main: Package): string | undefined {
  const { root } = source;
  const places = names.flatMap((name) => unitDirectories.map((directory) => `${directory}/${name}`));
  const named = places.find((place) => locate(root, place)?.entry.kind === "file");
  if (named !== undefined) return locate(root, named)?.path;
  const own = unitDirectories
    .flatMap((directory) => root.names(directory).map((name) => `${directory}/${name}`))
    .filter((place) => place.endsWith(".service") && !place.includes("@"))
    .filter((place) => source.root.describe(place).package?.name === main.name)
    .sort()
    .map((place) => ({ place, says: parseUnit(readText(root, place) ?? "") }))
    .filter(({ says }) => says.has("Service.ExecStart"));
  const rank = (says: Unit) => {
    if (wordsOf(says, "Install.Alias").some((alias) => names.includes(alias))) return 0;
    const [line = ""] = says.get("Service.ExecStart") ?? [];
    return isElf(root, commandOf(line, new Map()).words[0] ?? "") ? 1 : 2;
  };
  return own.toSorted((one, other) => rank(one.says) - rank(other.says))[0]?.place;
}

function variablesOf(root: Root, unit: Unit | undefined): ReadonlyMap<string, string> {
  if (unit === undefined) return new Map();
  const files = wordsOf(unit, "Service.EnvironmentFile").map((word) => word.replace(/^-/, ""));
  const own = wordsOf(unit, "Service.Environment").join("\n");
  return new Map(
    [own, ...files.map((file) => readText(root, file) ?? "")].flatMap((text) => [...parseEnvironment(text)]),
  );
}

/** Far above any unit or configuration, in bytes. */
const mostText = 1024 * 1024;

function readText(root: Root, wanted: string): string | undefined {
  const place = locate(root, wanted);
  if (place?.entry.kind !== "file") return undefined;
  return Buffer.from(root.read(place.path, 0, Math.min(place.entry.size, mostText))).toString("utf8");
}

function filesBelow(root: Root, directory: string): readonly string[] {
  return [...root.names(directory)].sort().flatMap((name) => {
    const place = path.posix.join(directory, name);
    return root.entry(place)?.kind === "directory" ? filesBelow(root, place) : [place];
  });
}

function isElf(root: Root, wanted: string): boolean {
  const place = locate(root, wanted);
  if (place?.entry.kind !== "file") return false;
  return Buffer.from(root.read(place.path, 0, 4)).toString("latin1") === "\x7fELF";
}
