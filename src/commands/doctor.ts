import { accessSync, constants, existsSync, readFileSync, realpathSync } from "node:fs";
import os from "node:os";
import { type Command, Option } from "commander";
import { type Arch, arches, archNames, hostArch } from "../system/arch.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import {
  findProgram,
  findSystemProgram,
  hostPackageManager,
  installCommand,
  type PackageManager,
  packagesOfPrograms,
} from "../system/host.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import { inUserNamespace } from "./user-namespace.ts";

/** What keeps the host from doing something. */
interface Lack {
  readonly what: string;
  /** The package that brings it, where installing is the answer. */
  readonly package?: string;
}

interface Ability {
  readonly name: string;
  readonly able: boolean;
  readonly lacks: readonly string[];
  /** The command that mends it, where one does. */
  readonly install?: string;
}

/** The oldest buildah with all the flags that make images reproducible (`--omit-history`). */
const oldestBuildah = [1, 27] as const;

/** Where podman and buildah look for their helpers besides PATH (helper_binaries_dir and init_path of containers.conf(5)). */
const helperDirectories = [
  "/usr/local/libexec/podman",
  "/usr/local/lib/podman",
  "/usr/libexec/podman",
  "/usr/lib/podman",
];

/** `doctor`: what this host can build and check, and what to install for the rest. Exit code 1 where it cannot build. */
export function addDoctorCommand(command: Command, context: CommandContext): void {
  command
    .option("--json", "one JSON document on stdout")
    .addOption(new Option("--sandbox", "only try a sandbox, as root of a user namespace").hideHelp())
    .action(async (flags: { json?: true; sandbox?: true }) => {
      if (flags.sandbox) {
        for (const trouble of await sandboxTroubles(context.run)) context.print(trouble);
        return;
      }
      const manager = hostPackageManager();
      const ids = await lacksForUserNamespace(context.run);
      const build = ability("build scratch images of Debian packages", manager, [
        ...ids,
        ...(await lacksForStore(context.run)),
        ...programs(manager, ["apt-get", "apt-config", "dpkg-deb", "flock"]),
        ...(await lacksForFiles()),
      ]);
      const run = ability("run images", manager, [...ids, ...programs(manager, ["podman"]), ...lacksForInit(manager)]);
      const missing = [...ids, ...lacksForProof(manager)];
      const prove = ability("verify and prove images", manager, [
        ...missing,
        ...(missing.length > 0 ? [] : await lacksForSandbox(context.run)),
      ]);
      const abilities = [build, run, prove, ...archNames.map((arch) => emulation(arch, manager))];
      if (flags.json) context.printJson({ packageManager: manager, abilities });
      else for (const each of abilities) context.print(asText(each));
      context.setExitCode(build.able ? 0 : 1);
    });
}

function ability(name: string, manager: PackageManager | undefined, lacks: readonly Lack[]): Ability {
  const missing = [...new Set(lacks.flatMap((lack) => lack.package ?? []))];
  const install =
    manager === undefined || missing.length === 0 ? undefined : installCommand(manager, missing).join(" ");
  return {
    name,
    able: lacks.length === 0,
    lacks: [...new Set(lacks.map(({ what }) => what))],
    ...(install === undefined ? {} : { install }),
  };
}

function asText({ name, able, lacks, install }: Ability): string {
  const answer = install === undefined ? [] : [`     install with: ${install}`];
  return [`${able ? "yes" : "no "}  ${name}`, ...lacks.map((lack) => `     ${lack}`), ...answer].join("\n");
}

function programs(
  manager: PackageManager | undefined,
  names: readonly (keyof typeof packagesOfPrograms)[],
): readonly Lack[] {
  return names
    .filter((name) => findProgram(name) === undefined)
    .map((name) => lack(`${name} is not installed`, manager, packagesOfPrograms[name]));
}

function lack(
  what: string,
  manager: PackageManager | undefined,
  from: Readonly<Record<"apt-get" | "dnf", string>>,
): Lack {
  if (manager === undefined) return { what };
  return { what, package: from[manager === "apt-get" ? "apt-get" : "dnf"] };
}

/** Whether buildah is there, new enough, and can open the person's containers store. */
async function lacksForStore(run: Run): Promise<readonly Lack[]> {
  const manager = hostPackageManager();
  const needed = programs(manager, process.getuid?.() === 0 ? ["buildah"] : ["buildah", "newuidmap"]);
  if (needed.length > 0) return needed;
  const { Buildah } = await import("../image/buildah.ts");
  const buildah = new Buildah(run);
  try {
    const [major = 0, minor = 0] = await buildah.version();
    if (major < oldestBuildah[0] || (major === oldestBuildah[0] && minor < oldestBuildah[1])) {
      return [{ what: `buildah is ${major}.${minor}, and ${oldestBuildah.join(".")} or newer is needed` }];
    }
    // From 1.39 on buildah wants it even where no network is used.
    if ((major > 1 || minor >= 39) && !isHelper("netavark")) {
      return [lack("netavark is not installed", manager, { "apt-get": "netavark", dnf: "netavark" })];
    }
    await buildah.images();
    return [];
  } catch (error) {
    if (error instanceof CommandFailure) {
      return [{ what: `buildah cannot open the containers store: ${lastLine(error.stderr)}` }];
    }
    return [lackOf(error)];
  }
}

/** A Failure in one line. Throws anything else again. */
function lackOf(error: unknown): Lack {
  if (!(error instanceof Failure)) throw error;
  return { what: error.hint === undefined ? error.message : `${error.message}; ${error.hint}` };
}

/** So many ids has a user to whom useradd(8) assigns them: SUB_UID_COUNT of login.defs(5). */
const usualIds = 65_536;
/** From root to nobody, 65534: the owners that files of packages have. */
const leastIds = 65_535;

/** Whether an ordinary user's namespace has more ids than their own: the kernel's answer, wherever they are assigned. */
async function lacksForUserNamespace(run: Run): Promise<readonly Lack[]> {
  if (process.getuid?.() === 0) return [];
  try {
    const { withStore } = await import("../image/store-trouble.ts");
    const map = withStore(await run(["buildah", "unshare", "cat", "/proc/self/uid_map"]));
    const ids = map.split("\n").map((line) => Number(line.trim().split(/\s+/)[2] ?? 0));
    if (ids.reduce((sum, count) => sum + count, 0) >= leastIds) return [];
  } catch (error) {
    if (!(error instanceof CommandFailure)) return [lackOf(error)];
    if (error.notFound) return [];
    if (hasIds()) return [{ what: await namespaceTrouble(error) }];
  }
  const { username } = os.userInfo();
  const first = firstFreeId();
  const range = `${first}-${first + usualIds - 1}`;
  return [
    {
      what: `${username} has too few subordinate ids: sudo usermod --add-subuids ${range} --add-subgids ${range} ${username}; podman system migrate`,
    },
  ];
}

/** Settings of the kernel that forbid user namespaces, with the value that does and the one that does not (sysctl(8)). */
const forbidding = [
  { name: "kernel.apparmor_restrict_unprivileged_userns", value: "1", better: "0" },
  { name: "kernel.unprivileged_userns_clone", value: "0", better: "1" },
  { name: "user.max_user_namespaces", value: "0", better: "15000" },
] as const;

/** Why buildah cannot make a user namespace, with the command that allows it if a setting of the kernel forbids it. */
async function namespaceTrouble(error: CommandFailure): Promise<string> {
  const { storeTrouble } = await import("../image/store-trouble.ts");
  const sentence = storeTrouble(error)?.message ?? `no user namespace can be made: ${error.complaint}`;
  const setting = forbidding.find(({ name, value }) => readSetting(name) === value);
  return setting === undefined ? sentence : `${sentence}; sudo sysctl ${setting.name}=${setting.better}`;
}

function readSetting(name: string): string | undefined {
  const file = `/proc/sys/${name.replaceAll(".", "/")}`;
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

/** subuid(5): name or number, first id, count. */
function assignedIds(): readonly (readonly string[])[] {
  return ["/etc/subuid", "/etc/subgid"].flatMap((file) =>
    existsSync(file)
      ? readFileSync(file, "utf8")
          .split("\n")
          .map((line) => line.split(":"))
      : [],
  );
}

function hasIds(): boolean {
  const { username, uid } = os.userInfo();
  return assignedIds().some(([name]) => name === username || name === String(uid));
}

/** Behind all that are assigned, and not below SUB_UID_MIN of login.defs(5). */
function firstFreeId(): number {
  return Math.max(100_000, ...assignedIds().map(([, first, count]) => (Number(first) || 0) + (Number(count) || 0)));
}

async function lacksForFiles(): Promise<readonly Lack[]> {
  const { workdirBase } = await import("../system/workdir.ts");
  const base = workdirBase();
  try {
    accessSync(base, constants.W_OK);
    return [];
  } catch {
    return [{ what: `${base} cannot be written to: set TMPDIR to a directory with free space` }];
  }
}

/** What makes networks, asks for leases and runs sandboxes; crun and busybox do as well. */
function lacksForProof(manager: PackageManager | undefined): readonly Lack[] {
  const isThere = (name: string) => findSystemProgram(name) !== undefined;
  const others: Readonly<Record<string, string>> = { runc: "crun", udhcpc: "busybox" };
  return (["podman", "ip", "nsenter", "runc", "udhcpc"] as const)
    .filter((name) => !isThere(name) && !isThere(others[name] ?? name))
    .map((name) => lack(`${name} is not installed`, manager, packagesOfPrograms[name]));
}

/** Why no service can run in a sandbox here, found by trying. */
async function lacksForSandbox(run: Run): Promise<readonly Lack[]> {
  if (process.getuid?.() === 0) return (await sandboxTroubles(run)).map((what) => ({ what }));
  try {
    const printed = await run(inUserNamespace(["doctor", "--sandbox"]));
    return printed.split("\n").flatMap((what) => (what === "" ? [] : [{ what }]));
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return [{ what: `no sandbox can be made: ${error.complaint}` }];
  }
}

/** Tries the OCI runtime that sandboxes use and the one that podman uses, each in a sandbox like those of `prove`. */
async function sandboxTroubles(run: Run): Promise<readonly string[]> {
  const arch = hostArch();
  if (arch === undefined) return ["no image can be built for this machine's architecture"];
  const [{ sandboxTrouble }, { requireRuntime }] = await Promise.all([
    import("../proof/sandbox/attempt.ts"),
    import("../proof/sandbox/runtime.ts"),
  ]);
  try {
    const { withStore } = await import("../image/store-trouble.ts");
    const podmans = withStore(await run(["podman", "info", "--format", "{{.Host.OCIRuntime.Path}}"]));
    const runtimes = new Set(
      [requireRuntime(), ...(podmans === "" ? [] : [podmans])].map((file) => realpathSync(file)),
    );
    const troubles = await Promise.all([...runtimes].map((runtime) => sandboxTrouble(runtime, arch, run)));
    return troubles.flatMap((trouble) => trouble ?? []);
  } catch (error) {
    if (!(error instanceof CommandFailure)) return [lackOf(error).what];
    const { storeTrouble } = await import("../image/store-trouble.ts");
    return [storeTrouble(error)?.message ?? `podman does not work here: ${error.complaint}`];
  }
}

/** `podman run --init` needs an init, which not every distribution's podman pulls in. */
function lacksForInit(manager: PackageManager | undefined): readonly Lack[] {
  return isHelper("catatonit")
    ? []
    : [lack("catatonit, podman's init, is not installed", manager, packagesOfPrograms.catatonit)];
}

function isHelper(name: string): boolean {
  const places = [...helperDirectories.map((directory) => `${directory}/${name}`), `/usr/libexec/${name}/${name}`];
  return findProgram(name) !== undefined || places.some((place) => existsSync(place));
}

/** Building for another architecture needs nothing; running its programs needs an emulator in binfmt_misc. */
function emulation(arch: Arch, manager: PackageManager | undefined): Ability {
  const entry = `/proc/sys/fs/binfmt_misc/${arches[arch].qemu}`;
  const runs = arch === hostArch() || (existsSync(entry) && readFileSync(entry, "utf8").startsWith("enabled"));
  return ability(`run ${arch} programs`, manager, runs ? [] : [lackOfEmulator(arch, manager)]);
}

function lackOfEmulator(arch: Arch, manager: PackageManager | undefined): Lack {
  const { qemu } = arches[arch];
  if (findProgram(`${qemu}-static`) !== undefined && findProgram("update-binfmts") !== undefined) {
    return {
      what: `the emulator of ${arch} is not registered: mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; update-binfmts --enable ${qemu}`,
    };
  }
  const missing = { "apt-get": "qemu-user-static", dnf: `qemu-user-static-${arch === "x86_64" ? "x86" : arch}` };
  return lack(`no emulator of ${arch} is registered with the kernel`, manager, missing);
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
