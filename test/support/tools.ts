import { accessSync, constants } from "node:fs";
import path from "node:path";

const sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

// `su` without `-` and some runners leave the sbin directories out; the programs that tests need live there.
process.env.PATH = [...new Set([...(process.env.PATH ?? "").split(":"), ...sbin])].join(":");

/**
 * Whether the tests that need these programs can run, for `describe.runIf(...)`; "root" stands for being root. A laptop
 * without one of them skips the tests; where REQUIRE_TOOLS=1 is set a lack is an error.
 */
export function requireTools(...names: readonly string[]): boolean {
  const lacking = names.filter((name) => (name === "root" ? process.getuid?.() !== 0 : !isProgram(name)));
  if (lacking.length === 0) return true;
  if (process.env.REQUIRE_TOOLS === "1") throw new Error(`REQUIRE_TOOLS=1, and missing: ${lacking.join(", ")}`);
  return false;
}

/** Programs that other distributions call otherwise. */
const otherNames: Readonly<Record<string, string>> = { "docker-registry": "registry" };

/** What a program is called on this machine. */
export function toolNamed(name: string): string {
  const other = otherNames[name];
  return other !== undefined && !isOnPath(name) ? other : name;
}

function isProgram(name: string): boolean {
  return isOnPath(toolNamed(name));
}

function isOnPath(name: string): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => {
    try {
      accessSync(path.join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
