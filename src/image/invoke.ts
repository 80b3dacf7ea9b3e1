import path from "node:path";
import { Failure } from "../system/errors.ts";
import { CommandFailure, type Run, type RunOptions } from "../system/run.ts";
import { storeTrouble, withStore } from "./store-trouble.ts";

/** Starts buildah with these words and returns its stdout. Throws CommandFailure, or a Failure with a hint where there is no buildah. */
export type Invoke = (words: readonly string[], options?: InvokeOptions) => Promise<string>;

export interface InvokeOptions extends Pick<RunOptions, "cwd" | "stdoutFile" | "evenInterrupted" | "stallLimit"> {
  /** A directory that only one such command at a time may write to (flock(1)). */
  readonly alone?: string;
}

/** Taken out of buildah's environment: they would change the image (and some clash with our own options). */
const meddling = [
  "SOURCE_DATE_EPOCH",
  "BUILDAH_FORMAT",
  "BUILDAH_HISTORY",
  "BUILDAH_LAYERS",
  "STORAGE_DRIVER",
  "STORAGE_OPTS",
];

/** Where a store of our own is: options of buildah's before any verb. Without layers vfs is as good as any driver, and mounts nothing. */
export function ownStore(directory: string): readonly string[] {
  return [
    ...["--root", path.join(directory, "root")],
    ...["--runroot", path.join(directory, "run")],
    ...["--storage-driver", "vfs"],
  ];
}

/** `temporary` is where buildah may put layers in the making; `store` is from ownStore if it is not the user's. */
export function buildahInvoker(run: Run, temporary?: string, store: readonly string[] = []): Invoke {
  const clean = Object.fromEntries(
    meddling.filter((name) => process.env[name] !== undefined).map((name) => [name, undefined]),
  );
  const env = { ...clean, ...(temporary === undefined ? {} : { TMPDIR: temporary }) };
  return async (words, { alone, ...options } = {}) => {
    const lock = alone === undefined ? [] : (["flock", "--no-fork", alone] as const);
    const [program, ...rest] = [...lock, "buildah", ...store, ...registriesFile(words), ...words];
    try {
      return withStore(await run([program, ...rest], { ...options, env }));
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      if (!error.notFound || error.command[0] !== "buildah") throw storeTrouble(error) ?? error;
      throw new Failure("cannot build an image: buildah is not installed", {
        hint: "dhcpd-build doctor says how to install it",
        cause: error,
      });
    }
  };
}

/** buildah reads these variables for every verb but `manifest` (1.28 to 1.43). */
function registriesFile([verb]: readonly string[]): readonly string[] {
  const file = process.env.CONTAINERS_REGISTRIES_CONF || process.env.REGISTRIES_CONFIG_PATH;
  return verb === "manifest" && file ? ["--registries-conf", file] : [];
}
