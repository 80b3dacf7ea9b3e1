import { untilWeEnd } from "../system/children.ts";
import { Failure } from "../system/errors.ts";
import { CommandFailure, type Run, type RunOptions } from "../system/run.ts";
import { ownName } from "../system/workdir.ts";
import type { ExecutionConfig, HistoryEntry } from "./config.ts";
import { findImage, isAbsentImage } from "./reference.ts";
import { storeTrouble, withStore } from "./store-trouble.ts";

/** What the store knows about an image. */
export interface ImageFacts {
  /** `sha256:` and 64 hex digits. */
  readonly id: string;
  /** As OCI spells it. */
  readonly architecture: string;
  /** In the words of the OCI image configuration. */
  readonly config: Partial<ExecutionConfig>;
  readonly history: readonly HistoryEntry[];
}

/** The files of an image, read-only, as long as the scope lasts. */
export interface MountedImage extends AsyncDisposable {
  readonly path: string;
}

/** The podman program: one method per subcommand, on the user's own containers store. */
export class Podman {
  readonly #run: Run;
  readonly #env: NonNullable<RunOptions["env"]>;

  /** `temporary` is where podman may put what it needs for a while, and leaves when killed; it must be removed by the caller. */
  constructor(run: Run, temporary?: string) {
    this.#run = run;
    this.#env = temporary === undefined ? {} : { TMPDIR: temporary };
  }

  /** The image that a person means, see referencesFor(). Throws Failure if the store has none. */
  async inspectImage(image: string): Promise<ImageFacts & { readonly reference: string }> {
    const { reference, found } = await findImage(
      image,
      (name) => this.#inspect(name),
      async () => lines(await this.#podman(["images", "--format", "{{.Repository}}:{{.Tag}}"])),
    );
    return { reference, ...found };
  }

  async #inspect(image: string): Promise<ImageFacts | undefined> {
    try {
      return parseImageFacts(await this.#podman(["image", "inspect", image]));
    } catch (error) {
      if (error instanceof CommandFailure && isAbsentImage(error)) return undefined;
      throw error;
    }
  }

  /**
   * Mounts an image by a container of it that never starts: a mount of the image itself has no name by which clean could tell it from the
   * user's.
   */
  async mountImage(image: string): Promise<MountedImage> {
    const container = ownName();
    const remove = () => this.rm(container);
    try {
      const words = ["--name", container, "--pull", "never", "--image-volume", "ignore", "--network", "none"];
      await this.#podman(["create", ...words, image, "unused"]);
      return { path: await this.#podman(["mount", container]), [Symbol.asyncDispose]: remove };
    } catch (error) {
      await remove();
      throw error;
    }
  }

  /** `podman run` with these words; resolves with the program's output when it has ended. Throws CommandFailure with its code. */
  async run(words: readonly string[]): Promise<string> {
    return this.#podman(["run", ...words], { takesStderr: true }, untilWeEnd);
  }

  /** `created`, `running`, `exited`, ... Throws CommandFailure where there is no such container. */
  async containerState(container: string): Promise<string> {
    return this.#podman(["container", "inspect", "--format", "{{.State.Status}}", container]);
  }

  /** Removes a container, running or not; none is no error. */
  async rm(container: string): Promise<void> {
    await this.#podman(["rm", "--force", "--ignore", "--volumes", "--time", "0", container], { evenInterrupted: true });
  }

  /** Removes volumes and containers that use them; those that were never made are no error. */
  async removeVolumes(volumes: readonly string[]): Promise<void> {
    if (volumes.length === 0) return;
    try {
      await this.#podman(["volume", "rm", "--force", ...volumes], { evenInterrupted: true });
    } catch (error) {
      if (!(error instanceof CommandFailure) || !/no such volume/.test(error.stderr)) throw error;
    }
  }

  /** The names of all containers, with those that the store alone has because podman was killed while it made them. */
  async containers(): Promise<readonly string[]> {
    return lines(await this.#podman(["ps", "--all", "--external", "--format", "{{.Names}}"]));
  }

  async volumes(): Promise<readonly string[]> {
    return lines(await this.#podman(["volume", "ls", "--format", "{{.Name}}"]));
  }

  async #podman(args: readonly string[], options: RunOptions = {}, before: readonly string[] = []): Promise<string> {
    try {
      const [program = "", ...words] = [...before, "podman", ...args];
      const printed = await this.#run([program, ...words], { ...options, env: this.#env });
      // A program of an image may print anything.
      return args[0] === "run" ? printed : withStore(printed);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      if (!error.notFound) throw (args[0] === "run" ? undefined : storeTrouble(error)) ?? error;
      throw new Failure("cannot run an image: podman is not installed", {
        hint: "dhcpd-build doctor says how to install it",
        cause: error,
      });
    }
  }
}

/** `podman image inspect` of one image (podman 4 and 5). */
export function parseImageFacts(json: string): ImageFacts {
  const [inspected] = JSON.parse(json) as readonly {
    readonly Id: string;
    readonly Architecture: string;
    readonly Config?: Partial<ExecutionConfig> | null;
    readonly History?: readonly HistoryEntry[] | null;
  }[];
  if (inspected === undefined) throw new Failure("cannot understand podman: it described no image");
  const { Id, Architecture, Config, History } = inspected;
  return {
    id: Id.startsWith("sha256:") ? Id : `sha256:${Id}`,
    architecture: Architecture,
    config: Config ?? {},
    history: History ?? [],
  };
}

function lines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}
