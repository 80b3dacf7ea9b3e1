import os from "node:os";
import path from "node:path";

/** The user's cache of this tool: XDG_CACHE_HOME (XDG Base Directory Specification), else ~/.cache. */
export function cacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  return path.join(
    base !== undefined && path.isAbsolute(base) ? base : path.join(os.homedir(), ".cache"),
    "dhcpd-build",
  );
}
