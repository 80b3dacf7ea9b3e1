import { readFile } from "node:fs/promises";
import { systemErrorCode } from "./errors.ts";
import { type Family, families } from "./family.ts";

/** The places of os-release(5), in its order. */
const osReleaseFiles = ["/etc/os-release", "/usr/lib/os-release"];

/** The family of this host's own packages; undefined where it is neither Debian's nor Fedora's kind. */
export async function hostFamily(): Promise<Family | undefined> {
  for (const file of osReleaseFiles) {
    try {
      return familyOf(await readFile(file, "utf8"));
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
    }
  }
  return undefined;
}

/** The family that an os-release(5) text tells of: its ID, else the first of ID_LIKE (closest relative first) that is one. */
export function familyOf(osRelease: string): Family | undefined {
  const names = [assigned(osRelease, "ID"), ...(assigned(osRelease, "ID_LIKE") ?? "").split(/\s+/)];
  return names.flatMap((name) => families.find((family) => family === name) ?? [])[0];
}

/** The last assignment counts, as it would in a shell; quotes are taken away, and no value we ask for has escapes. */
function assigned(osRelease: string, name: string): string | undefined {
  const line = osRelease.split("\n").findLast((candidate) => candidate.startsWith(`${name}=`));
  return line
    ?.slice(name.length + 1)
    .trim()
    .replace(/^(["'])(.*)\1$/, "$2");
}

/** ID and VERSION_ID of an os-release(5) text; undefined where it has no number, as rolling releases. */
export function releaseOf(osRelease: string): { readonly id: string; readonly version: string } | undefined {
  const [id, version] = [assigned(osRelease, "ID"), assigned(osRelease, "VERSION_ID")];
  return id === undefined || version === undefined ? undefined : { id, version };
}
