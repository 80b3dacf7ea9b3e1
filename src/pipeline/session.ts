import type { BuildCache } from "../image/build-cache.ts";
import { Buildah, type StoredImage, type WorkingContainer } from "../image/buildah.ts";
import { openPackageHost } from "../image/builder.ts";
import { makeDirectory } from "../packages/cache.ts";
import { openPackageLists, type PackageLists } from "../packages/open.ts";
import type { PackageSource } from "../packages/source.ts";
import type { ImagePlan, ScratchImagePlan } from "../plan/plan.ts";
import { cacheDirectory } from "../system/user-directories.ts";
import { createWorkdir, type Workdir } from "../system/workdir.ts";
import { type BuildOptions, type BuiltImage, builtMemory, type Tools } from "./built-image.ts";

/** Makes the work directory that a session begins with. Throws Failure. */
export async function openSession(tools: Tools): Promise<Session> {
  const workdir = await createWorkdir();
  return new Session(workdir, new Buildah(tools.run, workdir.path), tools);
}

/**
 * What the stages of a build or a lock work with. Whatever is opened through it is closed with it, the last first, also if it is still being
 * opened when a stage fails.
 */
export class Session implements AsyncDisposable {
  readonly workdir: Workdir;
  readonly buildah: Buildah;
  readonly #tools: Tools;
  readonly #opened: Promise<AsyncDisposable | Disposable>[] = [];
  #images: Promise<readonly StoredImage[]> | undefined;
  #container: Promise<WorkingContainer> | undefined;

  constructor(workdir: Workdir, buildah: Buildah, tools: Tools) {
    this.workdir = workdir;
    this.buildah = buildah;
    this.#tools = tools;
  }

  /** The package lists, fresh enough, of the place where the plan's package manager runs. Throws Failure. */
  async openPackageLists(
    plan: ScratchImagePlan,
    { maxListAge }: Pick<BuildOptions, "maxListAge">,
  ): Promise<PackageLists> {
    const { run, log } = this.#tools;
    const shared = cacheDirectory();
    // A builder's container sees this directory, which must exist.
    await makeDirectory(shared);
    const place = await this.#open(openPackageHost(plan.builder, shared, { buildah: this.buildah, run }));
    return openPackageLists({ ...plan, maxListAge, place, log });
  }

  /** Throws Failure. */
  openPackages(lists: PackageLists): Promise<PackageSource> {
    return this.#open(lists.open());
  }

  /** The images of the store. The first call starts the listing, and a failure is thrown to those who await it. */
  images(): Promise<readonly StoredImage[]> {
    this.#images ??= quiet(this.buildah.images());
    return this.#images;
  }

  /**
   * The working container of an image from nothing. The first call starts `buildah from`, and a failure is thrown to those who await it.
   * That takes about 0.1 s (buildah 1.28, 2 cores), and nothing needs it until the packages are opened and the tree is laid out.
   */
  container(): Promise<WorkingContainer> {
    this.#container ??= this.#open(this.buildah.fromScratch());
    return this.#container;
  }

  /** What the plan became before; `inputs` is what the image depends on besides the plan. */
  buildCache(plan: ImagePlan, inputs: readonly unknown[]): BuildCache<BuiltImage> {
    return builtMemory(plan, inputs, () => this.images());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const last = this.#opened.pop();
    if (last === undefined) return this.workdir[Symbol.asyncDispose]();
    try {
      const resource = await last.catch(() => undefined);
      if (resource === undefined) return;
      if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
      else resource[Symbol.dispose]();
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  #open<Resource extends AsyncDisposable | Disposable>(opening: Promise<Resource>): Promise<Resource> {
    this.#opened.push(opening);
    return quiet(opening);
  }
}

/** A promise that may fail before anybody awaits it. */
function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
