import { hostArch } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import type { Place } from "../system/place.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import { fromBase } from "./base.ts";
import type { Buildah } from "./buildah.ts";

/**
 * Where a package manager runs: on this host, or in a working container of a builder image that is removed with its scope and sees
 * `directories` under their own paths. Throws Failure.
 */
export async function openPlace(
  builder: string | undefined,
  directories: readonly string[],
  { buildah, run }: { readonly buildah: Buildah; readonly run: Run },
): Promise<Place & AsyncDisposable> {
  if (builder === undefined) return { run, async [Symbol.asyncDispose]() {} };
  const arch = hostArch();
  if (arch === undefined) throw new Failure("cannot run a builder image on this machine's architecture");
  const container = await fromBase({ base: builder, arch }, buildah);
  const { id } = await buildah.describe(builder);
  const volumes = Object.fromEntries(directories.map((directory) => [directory, directory]));
  return {
    identity: id,
    async run(command, options = {}) {
      const env = Object.entries(options.env ?? {}).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      try {
        return await buildah.runIn(container, command, {
          volumes,
          env: { LC_ALL: "C", ...Object.fromEntries(env) },
          ...(options.cwd === undefined ? {} : { workingDirectory: options.cwd }),
          ...(options.stdoutFile === undefined ? {} : { stdoutFile: options.stdoutFile }),
        });
      } catch (error) {
        if (
          error instanceof CommandFailure &&
          /executable file not found|no such file or directory$/im.test(error.stderr)
        ) {
          throw new CommandFailure(command, { reason: `${builder} does not have it`, notFound: true });
        }
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
  };
}
