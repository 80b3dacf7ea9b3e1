import path from "node:path";
import { cached } from "./cached.ts";
import { run } from "./run.ts";
import { findMirror, patience } from "./standin/debian.ts";

/** What the tool's Containerfile installs, so that the network is asked for lists alone; it stays in charge of what is missing. */
const installed = ["nodejs", "buildah", "uidmap", "netavark", "libcap2-bin", "ca-certificates"];

/** What a slim base image leaves out. */
const ballast = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"];

/**
 * A Debian 13 as a tar, in place of the base image that a registry would give: from the cache, or made with mmdebstrap, which takes
 * a minute or two.
 */
export function toolBase(): Promise<string> {
  return cached("tool-base-trixie-1.tar", async (directory) => {
    const made = path.join(directory, "base.tar");
    const { trixie } = await findMirror(run);
    const excluded = ballast.map((pattern) => `--dpkgopt=path-exclude=${pattern}`);
    await run([
      ...(["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=tar"] as const),
      ...[...patience, 'Apt::Install-Recommends "false";'].map((option) => `--aptopt=${option}`),
      ...excluded,
      `--include=${installed.join(",")}`,
      ...["trixie", made, trixie],
    ]);
    return made;
  });
}
