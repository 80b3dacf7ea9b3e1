import { rm } from "node:fs/promises";
import path from "node:path";
import { cached } from "./cached.ts";
import { run } from "./run.ts";
import { findMirror, unpackDebs } from "./standin/debian.ts";

/** The programs that getting a generator takes, for `requireTools`. */
export const generatorTools = ["apt-get", "dpkg-deb"] as const;

/** Debian's suites whose podman has a Quadlet generator that runs on Debian 12. */
export type Suite = "trixie" | "sid";

/** The path of the Quadlet generator of a suite's podman package, from the cache or fetched; nothing is installed. */
export async function quadletGenerator(suite: Suite): Promise<string> {
  const place = await cached(`quadlet-${suite}`, async (directory) => {
    const mirror = await findMirror(run);
    await unpackDebs(run, { source: mirror[suite], arch: "amd64", names: ["podman"], directory });
    // Lists and packages have done their service and are large.
    await rm(path.join(directory, ".apt"), { recursive: true });
    return directory;
  });
  return path.join(place, "podman/usr/libexec/podman/quadlet");
}

/** The words of a command of a service, as systemd starts them; its specifiers are left. */
export function commandOf(service: string, key: "ExecStart" | "ExecStop"): readonly string[] {
  const line = new RegExp(`^${key}=(.*)$`, "m").exec(service)?.[1] ?? "";
  return (line.match(/(?:"(?:[^"\\]|\\.)*"|\S)+/g) ?? []).map(unescaped);
}

/** What systemd makes of a word of ExecStart: systemd.service(5), quoting, `%%` and `$$`. */
export function unescaped(word: string): string {
  const named: Readonly<Record<string, string>> = { n: "\n", t: "\t", s: " " };
  return (word.startsWith('"') ? word.slice(1, -1) : word)
    .replaceAll(/\\(x[0-9a-f]{2}|.)/g, (_, code: string) =>
      code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (named[code] ?? code),
    )
    .replaceAll("%%", "%")
    .replaceAll("$$", "$");
}
