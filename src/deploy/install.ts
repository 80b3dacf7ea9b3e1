import { createHash, randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeDirectories } from "../system/directories.ts";
import { Failure, systemCause, systemErrorCode } from "../system/errors.ts";
import type { Unit } from "./quadlet.ts";

/** What installing a unit does to the file of its name. */
export type Change = "install" | "update" | "keep" | "replace";

/** A unit at its place, before anything is done. */
export interface Installation {
  readonly file: string;
  readonly change: Change;
  /** What is written: the unit under a line that tells later whether somebody changed it. */
  readonly text: string;
}

const mark = "# Installed by dhcpd-build; SHA-256 of the lines below: ";

/** Where Quadlet looks for units: podman-systemd.unit(5). `home` is given for a user's own. */
export function unitDirectory(
  user: { readonly home: string; readonly config: string | undefined } | undefined,
): string {
  if (user === undefined) return "/etc/containers/systemd";
  return path.join(user.config || path.join(user.home, ".config"), "containers/systemd");
}

/**
 * What would become of the unit in a directory. A file of its name that this tool did not write, or that was changed since, is replaced
 * only with `force`. Throws Failure where it would be overwritten, or cannot be read.
 */
export async function planInstallation(unit: Unit, directory: string, force: boolean): Promise<Installation> {
  const file = path.join(directory, unit.name);
  const text = `${mark}${sha256(unit.text)}\n${unit.text}`;
  const before = await readIfThere(file);
  if (before === undefined) return { file, text, change: "install" };
  if (before === text) return { file, text, change: "keep" };
  if (isUnchanged(before)) return { file, text, change: "update" };
  if (force) return { file, text, change: "replace" };
  const who = before.startsWith(mark) ? "it was changed since dhcpd-build wrote it" : "dhcpd-build did not write it";
  throw new Failure(`cannot install ${file}: there is one, and ${who}`, {
    hint: `changes of your own last in ${file}.d/*.conf, which podman reads from 5.0 on; --force replaces the unit and keeps the old one as ${backupOf(file)}`,
  });
}

/** Does it: the new unit is there in whole or not at all. Throws Failure where the directory may not be written. */
export async function install({ file, text, change }: Installation): Promise<void> {
  if (change === "keep") return;
  const temporary = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await makeDirectories(path.dirname(file));
    await writeFile(temporary, text, { mode: 0o644 });
    if (change === "replace") await rename(file, backupOf(file));
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    const denied = code === "EACCES" || code === "EPERM";
    throw new Failure(`cannot install ${file}: ${denied ? "permission denied" : systemCause(error)}`, {
      hint: denied ? "sudo installs it for the system; --user for yourself" : undefined,
      cause: error,
    });
  }
}

/** Quadlet takes no file whose name ends so. */
function backupOf(file: string): string {
  return `${file}.old`;
}

function isUnchanged(text: string): boolean {
  const end = text.indexOf("\n");
  return text.startsWith(mark) && text.slice(mark.length, end) === sha256(text.slice(end + 1));
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === undefined) throw error;
    throw new Failure(`cannot read ${file}: ${systemCause(error)}`, { cause: error });
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
