import os from "node:os";
import path from "node:path";
import { Failure } from "./errors.ts";

/**
 * The user's cache of this tool: XDG_CACHE_HOME (XDG Base Directory Specification), else ~/.cache. Throws Failure where there is none, and
 * for a path that the configuration of a package manager cannot have: apt.conf(5) knows no escape for a quotation mark.
 */
export function cacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  const directory = path.join(
    base !== undefined && path.isAbsolute(base) ? base : path.join(home(), ".cache"),
    "dhcpd-build",
  );
  if (/["\p{Cc}]/u.test(directory)) {
    throw new Failure(
      `cannot use the cache directory ${directory}: its path has a quotation mark or a control character`,
      {
        hint: "set XDG_CACHE_HOME to another directory",
      },
    );
  }
  return directory;
}

function home(): string {
  const directory = os.homedir();
  if (path.isAbsolute(directory)) return directory;
  throw new Failure(
    `cannot find the cache directory: HOME is ${directory === "" ? "not set" : "not an absolute path"}`,
    {
      hint: "set HOME, or XDG_CACHE_HOME to a directory that you can write to",
    },
  );
}
