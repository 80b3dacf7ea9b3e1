import { type Arch, hostArch } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { hostPlace, type Outcome, type Place, printedBy, type Step } from "../system/place.ts";
import type { Run, RunOptions } from "../system/run.ts";
import { findStored, fromBase } from "./base.ts";
import type { Buildah, WorkingContainer } from "./buildah.ts";
import { runSeriesInside } from "./run-in-container.ts";

/**
 * Where a package manager runs: on this host, or in a working container of a builder image. It is made when the first command comes,
 * sees the directory `shared` under its own path, and is removed with its scope. Throws Failure.
 */
export async function openPackageHost(
  builder: string | undefined,
  shared: string,
  { buildah, run }: { readonly buildah: Buildah; readonly run: Run },
): Promise<Place & AsyncDisposable> {
  if (builder === undefined) return { ...hostPlace(run), async [Symbol.asyncDispose]() {} };
  const place = new BuilderPlace(builder, shared, buildah);
  const identity = await place.identify();
  return {
    identity,
    run: async (command, options) => printedBy((await place.series([{ command }], options))[0]),
    all: (commands) => place.series(commands.map((command) => ({ command, mayFail: true }))),
    series: (steps) => place.series(steps),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

class BuilderPlace implements AsyncDisposable {
  readonly #builder: string;
  readonly #shared: string;
  readonly #buildah: Buildah;
  #container: Promise<WorkingContainer> | undefined;
  /** The commands so far, one after another: buildah (1.39) breaks where two run in one container at once. Never rejects. */
  #commands: Promise<unknown> = Promise.resolve();

  constructor(builder: string, shared: string, buildah: Buildah) {
    this.#builder = builder;
    this.#shared = shared;
    this.#buildah = buildah;
  }

  /** The ID of the builder's image, which is pulled where the store does not have it for this machine. */
  async identify(): Promise<string> {
    const stored = await findStored(this.#builder, ownArch(), this.#buildah);
    if (stored !== undefined) return stored.id;
    return (await this.#buildah.describeBase(await this.#open())).id;
  }

  series(steps: readonly Step[], options: RunOptions = {}): Promise<readonly Outcome[]> {
    const result = this.#commands.then(async () => this.#runIn(await this.#open(), steps, options));
    this.#commands = result.catch(() => undefined);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // When one of several fails the others still use the container.
    await this.#commands;
    const container = await this.#container?.catch(() => undefined);
    await container?.[Symbol.asyncDispose]();
  }

  #open(): Promise<WorkingContainer> {
    this.#container ??= fromBase({ base: this.#builder, arch: ownArch() }, this.#buildah);
    return this.#container;
  }

  #runIn(container: WorkingContainer, steps: readonly Step[], options: RunOptions): Promise<readonly Outcome[]> {
    const { env = {}, cwd, stdoutFile } = options;
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const inside = {
      volumes: { [this.#shared]: this.#shared },
      exchange: this.#shared,
      env: { LC_ALL: "C", ...Object.fromEntries(set) },
      ...(cwd === undefined ? {} : { workingDirectory: cwd }),
      ...(stdoutFile === undefined ? {} : { stdoutFile }),
    };
    return runSeriesInside(container, steps, inside, this.#buildah);
  }
}

function ownArch(): Arch {
  const arch = hostArch();
  if (arch === undefined) throw new Failure("cannot run a builder image on this machine's architecture");
  return arch;
}
