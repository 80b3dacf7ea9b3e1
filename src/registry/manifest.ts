import { readFile } from "node:fs/promises";
import { buildahInvoker, type Invoke, ownStore } from "../image/invoke.ts";
import { Failure } from "../system/errors.ts";
import type { Run } from "../system/run.ts";
import { ownName, type Workdir } from "../system/workdir.ts";
import { type Destination, hasRegistryTransport, referenceAt, transportAt } from "./destination.ts";

/** How a registry is reached. Credentials are buildah's own (containers-auth.json(5)). */
export interface Connection {
  /** As buildah's `--tls-verify`; undefined leaves it to containers-registries.conf(5). */
  readonly tlsVerify?: boolean;
  /** Milliseconds that a registry may make no progress. */
  readonly timeout: number;
}

/** An index in the making, in a store under a name of its own; gone with its scope. */
export interface IndexDraft extends AsyncDisposable {
  readonly name: string;
}

/** One image of an index. */
export interface IndexEntry {
  /** Of the image's manifest. */
  readonly digest: string;
  /** As OCI spells it, and so is the operating system. */
  readonly architecture: string;
  readonly os: string;
}

/** What buildah does between a store, registries and OCI layouts: one method per subcommand. */
export class BuildahManifests {
  readonly #run: Run;
  readonly #invoke: Invoke;
  readonly #connection: Connection;
  readonly #workdir: Workdir;

  /** `store` is from ownStore if it is not the user's. */
  constructor(run: Run, connection: Connection, workdir: Workdir, store: readonly string[] = []) {
    this.#run = run;
    this.#invoke = buildahInvoker(run, workdir.path, store);
    this.#connection = connection;
    this.#workdir = workdir;
  }

  /** The same with an empty store in the work directory, for a look at a registry that leaves the user's store as it is. */
  apart(): BuildahManifests {
    const store = ownStore(this.#workdir.file(`${ownName()}.store`));
    return new BuildahManifests(this.#run, this.#connection, this.#workdir, store);
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
    const words = [...verb, "--quiet", ...this.#tls(), "--digestfile", digestFile];
    // Two pushes into one directory at once lose an entry of its index.json (containers/buildah issue 5581).
    const options = destination.kind === "layout" ? { alone: destination.directory } : this.#limit();
    await this.#invoke([...words, what, transportAt(destination, tag)], options);
    const digest = (await readFile(digestFile, "utf8").catch(() => "")).trim();
    // buildah 1.28 ends well if a registry refuses an index (405).
    if (digest !== "") return digest;
    throw new Failure(
      `cannot push ${referenceAt(destination, tag)}: it was not taken, and buildah does not report why`,
    );
  }

  /**
   * Fetches an index and all its images as they are, each checked against its digest, into a new directory (the `dir:` transport). The
   * images' layers are not unpacked.
   */
  async fetchImages(index: IndexDraft, directory: string): Promise<void> {
    const words = ["manifest", "push", "--all", "--quiet", ...this.#tls(), index.name, `dir:${directory}`];
    await this.#invoke(words, this.#limit());
  }

  async manifestCreate(): Promise<IndexDraft> {
    const name = `localhost/${ownName()}`;
    await this.#invoke(["manifest", "create", name]);
    return { name, [Symbol.asyncDispose]: () => this.manifestRm(name) };
  }

  /** Adds an image as the last one: of the store by its ID, or one of a registry (`docker://`). */
  async manifestAdd(index: IndexDraft, image: string): Promise<void> {
    const options = hasRegistryTransport(image) ? this.#limit() : {};
    await this.#invoke(["manifest", "add", ...this.#tls(), index.name, image], options);
  }

  /**
   * What stands under a reference of a registry, with its tag or its digest: the images of an index in its order, or the one image. Their
   * manifests are fetched and, under a digest, checked against it.
   */
  async remoteEntries(reference: string): Promise<readonly IndexEntry[]> {
    await using index = await this.manifestCreate();
    const words = ["manifest", "add", "--all", ...this.#tls(), index.name, `docker://${reference}`];
    await this.#invoke(words, this.#limit());
    return await this.manifestInspect(index.name);
  }

  /** The images of an index in the store, in its order. */
  async manifestInspect(index: string): Promise<readonly IndexEntry[]> {
    const { manifests } = JSON.parse(await this.#invoke(["manifest", "inspect", index])) as {
      readonly manifests:
        | readonly {
            readonly digest: string;
            readonly platform: { readonly architecture: string; readonly os: string };
          }[]
        | null;
    };
    return (manifests ?? []).map(({ digest, platform: { architecture, os } }) => ({ digest, architecture, os }));
  }

  /** Takes a name from an index; with its last name the index goes. */
  async manifestRm(name: string): Promise<void> {
    await this.#invoke(["manifest", "rm", name], { evenInterrupted: true });
  }

  #tls(): readonly string[] {
    const { tlsVerify } = this.#connection;
    return tlsVerify === undefined ? [] : [`--tls-verify=${tlsVerify}`];
  }

  #limit(): { readonly stallLimit: number } {
    return { stallLimit: this.#connection.timeout };
  }
}
