import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { run } from "./run.ts";
import { findMirror, unpackDebs } from "./standin/debian.ts";

/** The programs that getting a generator takes, for `requireTools`. */
export const generatorTools = ["apt-get", "dpkg-deb"] as const;

/** Debian's suites whose podman has a Quadlet generator that runs on Debian 12. */
export type Suite = "trixie" | "sid";

/** The path of the Quadlet generator of a suite's podman package, from the cache or fetched; nothing is installed. */
export async function quadletGenerator(suite: Suite): Promise<string> {
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "dhcpd-build-test");
  const place = path.join(cache, `quadlet-${suite}`);
  const generator = path.join(place, "podman/usr/libexec/podman/quadlet");
  if (await exists(generator)) return generator;
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(`${place}.`);
  try {
    const { sid } = await findMirror(run);
    await unpackDebs(run, { source: sid.replace(" sid ", ` ${suite} `), arch: "amd64", names: ["podman"], directory });
    // Lists and packages have done their service and are large.
    await rm(path.join(directory, ".apt"), { recursive: true });
    await rename(directory, place).catch(async (error: unknown) => {
      if (!(await exists(generator))) throw error;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return generator;
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

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
