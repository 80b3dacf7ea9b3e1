import { readFile } from "node:fs/promises";
import { CommandFailure, type Run } from "../system/run.ts";
import { ownName, type Workdir } from "../system/workdir.ts";
import { type Destination, transportAt } from "./destination.ts";
import { buildahInvoker, type Invoke } from "./invoke.ts";

/** How a registry is reached. Credentials are buildah's own (containers-auth.json(5)). */
export interface Connection {
  /** As buildah's `--tls-verify`. */
  readonly tlsVerify: boolean;
}

/** An index in the making, in the local store under a name of its own; gone with its scope. */
export interface IndexDraft extends AsyncDisposable {
  readonly name: string;
}

/** One image of an index. */
export interface IndexEntry {
  /** Of the image's manifest. */
  readonly digest: string;
  /** As OCI spells it. */
  readonly architecture: string;
}

/** What buildah does between the store, registries and OCI layouts: one method per subcommand. */
export class BuildahDistribution {
  readonly #invoke: Invoke;
  readonly #connection: readonly string[];
  readonly #workdir: Workdir;

  constructor(run: Run, connection: Connection, workdir: Workdir) {
    this.#invoke = buildahInvoker(run, workdir.path);
    this.#connection = [`--tls-verify=${connection.tlsVerify}`];
    this.#workdir = workdir;
  }

  /** Pushes one image and returns the digest that it has there. */
  async push(image: string, destination: Destination, tag: string): Promise<string> {
    return this.#push(["push", "--format", "oci"], image, destination, tag);
  }

  /** An index; `all` pushes its images, too. */
  async manifestPush(
    index: string,
    destination: Destination,
    tag: string,
    { all }: { readonly all: boolean },
  ): Promise<string> {
    return this.#push(["manifest", "push", ...(all ? ["--all"] : []), "--format", "oci"], index, destination, tag);
  }

  async #push(verb: readonly string[], what: string, destination: Destination, tag: string): Promise<string> {
    const digestFile = this.#workdir.file(`${ownName()}.digest`);
    const words = [...verb, "--quiet", ...this.#connection, "--digestfile", digestFile];
    // Two pushes into one directory at once lose an entry of its index.json (containers/buildah issue 5581).
    const alone = destination.kind === "layout" ? { alone: destination.directory } : {};
    await this.#invoke([...words, what, transportAt(destination, tag)], alone);
    return (await readFile(digestFile, "utf8")).trim();
  }

  /** Fetches an image of a registry by its digest, whatever its architecture; its name in the store is gone with the scope. */
  async pull(name: string, digest: string): Promise<{ readonly id: string } & AsyncDisposable> {
    const reference = `${name}@${digest}`;
    try {
      const id = await this.#invoke(["pull", "--quiet", ...this.#connection, `docker://${reference}`]);
      return { id, [Symbol.asyncDispose]: () => this.#rmi(reference) };
    } catch (error) {
      // An interrupted pull may or may not have left the image.
      await this.#rmi(reference).catch((none: unknown) => {
        if (!(none instanceof CommandFailure)) throw none;
      });
      throw error;
    }
  }

  async #rmi(reference: string): Promise<void> {
    await this.#invoke(["rmi", reference], { evenInterrupted: true });
  }

  async manifestCreate(): Promise<IndexDraft> {
    const name = `localhost/${ownName()}`;
    await this.#invoke(["manifest", "create", name]);
    return { name, [Symbol.asyncDispose]: () => this.manifestRm(name) };
  }

  /** Adds an image of the store by its ID, or one of a registry (`docker://`), as the last one. */
  async manifestAdd(index: IndexDraft, image: string): Promise<void> {
    await this.#invoke(["manifest", "add", ...this.#connection, index.name, image]);
  }

  /** The images of an index in the local store, in its order. */
  async manifestInspect(index: string): Promise<readonly IndexEntry[]> {
    const { manifests } = JSON.parse(await this.#invoke(["manifest", "inspect", index])) as {
      readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
    };
    return manifests.map(({ digest, platform }) => ({ digest, architecture: platform.architecture }));
  }

  /** Takes a name from an index; with its last name the index goes. */
  async manifestRm(name: string): Promise<void> {
    await this.#invoke(["manifest", "rm", name], { evenInterrupted: true });
  }
}
