import { randomBytes } from "node:crypto";
import { constants, readFileSync } from "node:fs";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { Failure, systemCause } from "./errors.ts";

/** A directory that is gone when its scope ends, however it ends. */
export interface Workdir extends AsyncDisposable {
  readonly path: string;
  /** The path of a file inside. */
  file(name: string): string;
  /** A new directory inside. */
  directory(name: string): Promise<string>;
}

const prefix = "dhcpd-build-";

/** `DHCPD_BUILD_RUN`: the variable that holds a name made by ownName in the environment of every process that this program has started. */
export const markVariable = `${prefix.replaceAll("-", "_").toUpperCase()}RUN`;

/** Where work directories are made: TMPDIR, else /var/tmp, which unlike /tmp is a disk on most systems. */
export function workdirBase(): string {
  return process.env.TMPDIR || "/var/tmp";
}

/**
 * A name that only this process uses and that tells later whether its maker still lives:
 * `dhcpd-build-<pid>-<start time of that process>-<random>`. Work directories and working containers carry it.
 */
export function ownName(): string {
  return `${prefix}${process.pid}-${startTime(process.pid) ?? 0}-${randomBytes(4).toString("hex")}`;
}

/** Whether a name was made by ownName in a process that has ended since. */
export function isLeftover(name: string): boolean {
  const match = /^dhcpd-build-(\d+)-(\d+)-[0-9a-f]{8}$/.exec(name);
  if (match === null) return false;
  const now = startTime(Number(match[1]));
  return now === undefined || now !== Number(match[2]);
}

/** Field 22 of /proc/PID/stat (proc(5)): ticks after boot; undefined when there is no such process. */
function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return undefined;
  }
}

/** Makes a work directory that only its owner can enter. */
export async function createWorkdir(): Promise<Workdir> {
  const directory = path.join(workdirBase(), ownName());
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    throw new Failure(`cannot make a work directory in ${workdirBase()}: ${systemCause(error)}`, {
      hint: "set TMPDIR to a directory with free space that you can write to",
      cause: error,
    });
  }
  return workdirAt(directory, () => rm(directory, { recursive: true, force: true }));
}

/**
 * A work directory whose path holds nothing that a tool could take for the end of a word: ip(8) splits at blanks, podman's options at colons and
 * commas, those of an overlay too. If TMPDIR does, the path is that of an open file of this process, through which the kernel leads to the
 * directory (proc(5)).
 */
export async function createPlainWorkdir(): Promise<Workdir> {
  const workdir = await createWorkdir();
  if (/^[\w@%+=./-]+$/.test(workdir.path)) return workdir;
  const handle = await open(workdir.path, constants.O_DIRECTORY);
  return workdirAt(`/proc/${process.pid}/fd/${handle.fd}`, async () => {
    await handle.close();
    await workdir[Symbol.asyncDispose]();
  });
}

function workdirAt(directory: string, dispose: () => Promise<void>): Workdir {
  return {
    path: directory,
    file: (name) => path.join(directory, name),
    async directory(name) {
      await mkdir(path.join(directory, name));
      return path.join(directory, name);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** What processes that were killed left in a directory, by full path: names made by ownName, also as the last part of a name. */
export async function leftoversIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => isLeftover(name.slice(name.lastIndexOf(".") + 1)))
    .map((name) => path.join(directory, name));
}
