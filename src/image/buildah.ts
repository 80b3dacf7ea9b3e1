import type { Arch } from "../system/arch.ts";
import { arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { CommandFailure, type Run } from "../system/run.ts";
import { ownName } from "../system/workdir.ts";

/** What a container made from the image is, in the words of the OCI image configuration. */
export interface ImageConfig {
  readonly arch: Arch;
  /** The program: the image's entry point. */
  readonly program: string;
  /** Its arguments, which `podman run IMAGE ARGUMENT...` replaces. */
  readonly arguments: readonly string[];
  readonly user: string;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** An image of the local containers store. */
export interface StoredImage {
  /** `sha256:` and 64 hex digits. */
  readonly id: string;
  readonly names: readonly string[];
}

/** A buildah working container; removed with its scope unless a commit has consumed it. */
export interface WorkingContainer extends AsyncDisposable {
  readonly name: string;
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

/** The buildah program: one method per subcommand, on the user's own containers store. */
export class Buildah {
  readonly #run: Run;
  readonly #env: Readonly<Record<string, string | undefined>>;
  /** Containers that a commit has removed already. */
  readonly #committed = new Set<string>();

  /** `temporary` is where buildah may put layers in the making; it must be removed by the caller. */
  constructor(run: Run, temporary?: string) {
    this.#run = run;
    const clean = Object.fromEntries(
      meddling.filter((name) => process.env[name] !== undefined).map((name) => [name, undefined]),
    );
    this.#env = { ...clean, ...(temporary === undefined ? {} : { TMPDIR: temporary }) };
  }

  /** The version as numbers, [1, 28, 2]. Throws Failure with a hint where buildah is not installed. */
  async version(): Promise<readonly number[]> {
    const text = await this.#buildah("--version");
    const numbers = /(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
    if (numbers === undefined) throw new Failure(`cannot understand the version of buildah: ${text}`);
    return numbers;
  }

  async from(image: string): Promise<WorkingContainer> {
    const name = ownName();
    const container = { name, [Symbol.asyncDispose]: () => this.#removeIfThere(name) };
    try {
      await this.#buildah("from", "--quiet", "--name", name, image);
    } catch (error) {
      await this.#removeIfThere(name);
      throw error;
    }
    return container;
  }

  /** Adds the content of a local tar, owners, modes, links and extended attributes exactly. */
  async add(container: WorkingContainer, tar: string): Promise<void> {
    await this.#buildah("add", "--quiet", container.name, tar, "/");
  }

  async config(container: WorkingContainer, config: ImageConfig): Promise<void> {
    const pairs = (option: string, values: Readonly<Record<string, string>>) =>
      Object.entries(values).flatMap(([name, value]) => [option, `${name}=${value}`]);
    await this.#buildah(
      "config",
      ...["--arch", arches[config.arch].oci],
      ...["--os", "linux"],
      ...["--workingdir", "/"],
      ...["--user", config.user],
      ...["--entrypoint", JSON.stringify([config.program])],
      ...["--cmd", JSON.stringify(config.arguments)],
      ...config.ports.flatMap((port) => ["--port", port]),
      ...config.volumes.flatMap((volume) => ["--volume", volume]),
      ...pairs("--env", config.environment),
      ...(config.stopSignal === undefined ? [] : ["--stop-signal", config.stopSignal]),
      ...pairs("--label", config.labels),
      ...pairs("--annotation", config.annotations),
      // buildah sets these two, empty, for an image without a base.
      ...["--annotation", "org.opencontainers.image.base.digest-"],
      ...["--annotation", "org.opencontainers.image.base.name-"],
      container.name,
    );
  }

  /** Commits and removes the container; every time in the image is `timestamp` (seconds). Returns the image ID. */
  async commit(container: WorkingContainer, timestamp: number, version: readonly number[]): Promise<string> {
    const id = await this.#buildah(
      "commit",
      "--quiet",
      "--rm",
      ...["--format", "oci"],
      ...["--timestamp", String(timestamp)],
      "--identity-label=false",
      "--omit-history",
      ...(isAtLeast(version, [1, 41]) ? ["--created-annotation=false"] : []),
      container.name,
    );
    this.#committed.add(container.name);
    return withAlgorithm(id);
  }

  async tag(id: string, names: readonly string[]): Promise<void> {
    await this.#buildah("tag", id, ...names);
  }

  /** The OCI architecture in an image's configuration. */
  async architectureOf(image: string): Promise<string> {
    return this.#buildah("inspect", "--type", "image", "--format", "{{.OCIv1.Architecture}}", image);
  }

  async images(): Promise<readonly StoredImage[]> {
    const listed = JSON.parse((await this.#buildah("images", "--json", "--no-trunc")) || "null") as
      | { id: string; names?: readonly string[] | null }[]
      | null;
    return (listed ?? []).map(({ id, names }) => ({ id: withAlgorithm(id), names: names ?? [] }));
  }

  /** Names of all working containers of the store. */
  async containers(): Promise<readonly string[]> {
    const listed = JSON.parse((await this.#buildah("containers", "--json")) || "null") as
      | { containername: string }[]
      | null;
    return (listed ?? []).map(({ containername }) => containername);
  }

  async rm(container: string): Promise<void> {
    await this.#run(["buildah", "rm", container], { env: this.#env, evenInterrupted: true });
  }

  async #removeIfThere(container: string): Promise<void> {
    if (this.#committed.has(container)) return;
    try {
      await this.rm(container);
    } catch (error) {
      // An interrupted `from` or `commit` may or may not have left one.
      if (!(error instanceof CommandFailure) || !/not known|no such|not found/i.test(error.stderr)) throw error;
    }
  }

  async #buildah(...args: readonly string[]): Promise<string> {
    try {
      return await this.#run(["buildah", ...args], { env: this.#env });
    } catch (error) {
      if (!(error instanceof CommandFailure) || !error.notFound) throw error;
      throw new Failure("cannot build an image: buildah is not installed", {
        hint: "dhcpd-build doctor says how to install it",
        cause: error,
      });
    }
  }
}

function isAtLeast(version: readonly number[], wanted: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version;
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1]);
}

function withAlgorithm(id: string): string {
  return id.startsWith("sha256:") ? id : `sha256:${id}`;
}
