import { type Arch, arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { type Command, CommandFailure, type Run, type RunOptions } from "../system/run.ts";
import { ownName } from "../system/workdir.ts";
import type { ImageDescription } from "./config.ts";
import { buildahInvoker, type Invoke } from "./invoke.ts";

export interface RunInOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Directories of the host, by where they are seen inside. */
  readonly volumes?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** Without any capability, because what runs is not to be trusted; otherwise with those that a root in a container has. */
  readonly capabilities?: "none";
  /** A file of the host that stdout goes to. */
  readonly stdoutFile?: string;
}

/** An image of the local containers store. */
export interface StoredImage {
  /** `sha256:` and 64 hex digits. */
  readonly id: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly names: readonly string[];
}

/** A buildah working container; removed with its scope unless a commit has consumed it. */
export interface WorkingContainer extends AsyncDisposable {
  readonly name: string;
}

/** The buildah program: one method per subcommand, on the user's own containers store. */
export class Buildah {
  readonly #invoke: Invoke;
  /** Containers that a commit has removed already. */
  readonly #committed = new Set<string>();

  /** `temporary` is where buildah may put layers in the making; it must be removed by the caller. */
  constructor(run: Run, temporary?: string) {
    this.#invoke = buildahInvoker(run, temporary);
  }

  /** The version as numbers, [1, 28, 2]. Throws Failure with a hint where buildah is not installed. */
  async version(): Promise<readonly number[]> {
    const text = await this.#buildah("--version");
    const numbers = /(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
    if (numbers === undefined) throw new Failure(`cannot understand the version of buildah: ${text}`);
    return numbers;
  }

  /** A working container from nothing, for an image. */
  async fromScratch(): Promise<WorkingContainer> {
    const container = await this.from("scratch");
    try {
      await this.makeDistinct(container);
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * A working container from an image, `scratch` for none; `arch` chooses among an image's architectures. `limit` is for an image that may
   * have to be fetched; one of the store may have to wait for whoever has locked the store.
   */
  async from(image: string, arch?: Arch, limit: Pick<RunOptions, "stallLimit"> = {}): Promise<WorkingContainer> {
    const name = ownName();
    const container = { name, [Symbol.asyncDispose]: () => this.#removeIfThere(name) };
    const platform = arch === undefined ? [] : ["--arch", arches[arch].oci, "--pull=missing"];
    try {
      await this.#invoke(["from", "--quiet", "--name", name, ...platform, image], limit);
    } catch (error) {
      await this.#removeIfThere(name);
      throw error;
    }
    return container;
  }

  /**
   * Runs a command inside a working container as its root, with the host's network. `volumes` are directories of the host by where
   * they are seen inside. Throws CommandFailure, with the command's own exit code.
   */
  async runIn(container: WorkingContainer, command: Command, options: RunInOptions = {}): Promise<string> {
    const { env = {}, volumes = {}, workingDirectory, capabilities, ...rest } = options;
    return this.#invoke(
      [
        "run",
        ...["--isolation", "chroot"],
        "--no-hosts",
        // Whoever the image is run as.
        ...["--user", "0:0"],
        ...(capabilities === "none" ? ["--cap-drop", "ALL"] : []),
        ...Object.entries(volumes).flatMap(([inside, host]) => ["--volume", `${host}:${inside}`]),
        ...Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
        ...(workingDirectory === undefined ? [] : ["--workingdir", workingDirectory]),
        container.name,
        "--",
        ...command,
      ],
      rest,
    );
  }

  /** Adds the content of a local tar, owners, modes, links and extended attributes exactly. */
  async add(container: WorkingContainer, tar: string): Promise<void> {
    await this.#buildah("add", "--quiet", container.name, tar, "/");
  }

  /** Gives what is committed from a container an image ID that no other commit has: two equal builds may remove drafts at one time. */
  async makeDistinct({ name }: WorkingContainer): Promise<void> {
    await this.#buildah("config", "--label", `container=${name}`, name);
  }

  /** Commits under a name and removes the container; every time in its layer is `timestamp` (seconds). Returns the image ID. */
  async commit(container: WorkingContainer, timestamp: number, name: string): Promise<string> {
    const id = await this.#buildah(
      "commit",
      "--quiet",
      "--rm",
      ...["--format", "oci"],
      ...["--timestamp", String(timestamp)],
      // A base's history may not fit its layers, which buildah refuses to go on with.
      "--omit-history",
      container.name,
      name,
    );
    this.#committed.add(container.name);
    return withAlgorithm(id);
  }

  /**
   * Takes the image `name` of the OCI layout `directory`, which lies in `parent`, into the store. buildah 1.28 names it after the directory,
   * later ones give it its name in the layout. `policy` is the file of a signature policy. Returns the image ID.
   */
  async pullLayout(parent: string, directory: string, name: string, policy: string): Promise<string> {
    const words = ["pull", "--quiet", "--signature-policy", policy, `oci:${directory}:${name}`];
    return withAlgorithm(await this.#invoke(words, { cwd: parent }));
  }

  /** Removes names from the store, and images that have no other; none is no error. */
  async rmi(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    try {
      await this.#invoke(["rmi", ...names], { evenInterrupted: true });
    } catch (error) {
      if (!isAboutNothing(error)) throw error;
    }
  }

  /** Removes an index, and none of its images. */
  async manifestRm(name: string): Promise<void> {
    await this.#invoke(["manifest", "rm", name], { evenInterrupted: true });
  }

  async tag(id: string, names: readonly string[]): Promise<void> {
    await this.#buildah("tag", id, ...names);
  }

  /** Writes an image's layers, not compressed, and its manifest.json into a new directory (the `dir:` transport). */
  async writeLayers(image: string, directory: string): Promise<void> {
    await this.#buildah("push", "--quiet", "--disable-compression", image, `dir:${directory}`);
  }

  /** What the store knows of an image, by name or ID. */
  async describe(image: string): Promise<ImageDescription> {
    return this.#describe("image", image);
  }

  /** The image that a working container was made from: its name may mean that of another architecture meanwhile. */
  async describeBase(container: WorkingContainer): Promise<ImageDescription> {
    return this.#describe("container", container.name);
  }

  async #describe(type: "image" | "container", name: string): Promise<ImageDescription> {
    const described = JSON.parse(await this.#buildah("inspect", "--type", type, name)) as {
      readonly FromImageID: string;
      readonly FromImageDigest: string;
      readonly Config: string;
      readonly Manifest: string;
    };
    // Not `OCIv1`, in which buildah puts today's date where the image has none.
    const config = JSON.parse(described.Config) as ImageDescription["config"];
    const { layers = [], annotations = {} } = JSON.parse(described.Manifest) as Partial<ImageDescription>;
    return { id: withAlgorithm(described.FromImageID), digest: described.FromImageDigest, config, layers, annotations };
  }

  /** The OCI architecture in an image's configuration. */
  async architectureOf(image: string): Promise<string> {
    return this.#buildah("inspect", "--type", "image", "--format", "{{.OCIv1.Architecture}}", image);
  }

  async images(): Promise<readonly StoredImage[]> {
    const listed = JSON.parse((await this.#buildah("images", "--json", "--no-trunc")) || "null") as
      | { id: string; digest: string; names?: readonly string[] | null }[]
      | null;
    return (listed ?? []).map(({ id, digest, names }) => ({ id: withAlgorithm(id), digest, names: names ?? [] }));
  }

  /** Names of all working containers of the store. */
  async containers(): Promise<readonly string[]> {
    const listed = JSON.parse((await this.#buildah("containers", "--json")) || "null") as
      | { containername: string }[]
      | null;
    return (listed ?? []).map(({ containername }) => containername);
  }

  async rm(container: string): Promise<void> {
    await this.#invoke(["rm", container], { evenInterrupted: true });
  }

  async #removeIfThere(container: string): Promise<void> {
    if (this.#committed.has(container)) return;
    try {
      await this.rm(container);
    } catch (error) {
      if (!isAboutNothing(error)) throw error;
    }
  }

  #buildah(...args: readonly string[]): Promise<string> {
    return this.#invoke(args);
  }
}

/** An interrupted command may or may not have made what is to be removed. */
function isAboutNothing(error: unknown): boolean {
  return error instanceof CommandFailure && /not known|no such|not found/i.test(error.stderr);
}

function withAlgorithm(id: string): string {
  return id.startsWith("sha256:") ? id : `sha256:${id}`;
}
