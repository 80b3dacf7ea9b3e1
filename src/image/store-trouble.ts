import { Failure } from "../system/errors.ts";
import { howToInstall } from "../system/host.ts";
import type { CommandFailure } from "../system/run.ts";

/** What keeps a person's containers store from being used: what the tools print, the cause in words, and what to do. */
interface Trouble {
  readonly printed: RegExp;
  cause(found: string): string;
  hint(): string;
}

const storeIsAt = "HOME, or the file that CONTAINERS_STORAGE_CONF names, decides where the store is";

const troubles: readonly Trouble[] = [
  {
    printed: /exec: "?(newuidmap|newgidmap)"?: executable file not found/,
    cause: (found) => `${found} is not installed`,
    hint: () => howToInstall("newuidmap"),
  },
  {
    printed: /lchown (\S+): invalid argument|potentially insufficient UIDs or GIDs/,
    cause: () => "this user has too few subordinate ids",
    hint: () => "dhcpd-build doctor prints the command that assigns them",
  },
  {
    printed: /Error during (setresuid|setgroups|unshare)|newuidmap: (.*)/,
    cause: (found) => `no user namespace can be made (${found})`,
    hint: () => "dhcpd-build doctor lists what this host lacks",
  },
  {
    printed: /(toml: .*?)"?$|(?:failed to get container config: |level=error msg=")(stat .*?)"?$/m,
    cause: (found) => `its configuration cannot be read: ${found}`,
    hint: () =>
      process.env.CONTAINERS_STORAGE_CONF === undefined
        ? "containers-storage.conf(5) describes its configuration"
        : `CONTAINERS_STORAGE_CONF is ${process.env.CONTAINERS_STORAGE_CONF}`,
  },
  {
    printed: /(mkdir \S+: (?:read-only file system|permission denied|no such file or directory|not a directory))/,
    cause: (found) => `its directory cannot be made: ${found}`,
    hint: () => storeIsAt,
  },
  {
    printed: /cannot resolve (\S+): lstat/,
    cause: (found) => `there is no ${found.replace(/:$/, "")}`,
    hint: () => storeIsAt,
  },
];

/** The sentence for a buildah or podman that cannot use the person's containers store; undefined for any other failure. */
export function storeTrouble(failure: CommandFailure): Failure | undefined {
  return troubleIn(failure.stderr, failure);
}

/**
 * Returns what buildah or podman printed to stdout. Throws Failure if it could not read storage.conf: it prints that there, before its
 * answer, goes on without the file and ends with 0 (containers/storage, types/options.go).
 */
export function withStore(printed: string): string {
  const trouble = /^Failed to read \S+ toml: /.test(printed) ? troubleIn(printed.split("\n")[0] ?? "") : undefined;
  if (trouble !== undefined) throw trouble;
  return printed;
}

function troubleIn(printedText: string, failure?: CommandFailure): Failure | undefined {
  // What it warns of is not what it failed for.
  const text = printedText
    .split("\n")
    .filter((line) => !line.includes("level=warning"))
    .join("\n")
    .replaceAll('\\"', '"');
  for (const { printed, cause, hint } of troubles) {
    const found = printed.exec(text);
    if (found === null) continue;
    const sentence = `cannot use the containers store: ${cause(found[1] ?? found[2] ?? found[0])}`;
    return new Failure(sentence, { hint: hint(), ...(failure === undefined ? {} : { cause: failure }) });
  }
  return undefined;
}
