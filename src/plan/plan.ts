import type { LockedBase, LockedRelease } from "../lock/lock.ts";
import type { Recipe } from "../recipe/schema.ts";
import type { Arch } from "../system/arch.ts";
import { usageFailure } from "../system/errors.ts";
import type { Family } from "../system/family.ts";
import { parseImageName, parseImageReference } from "../system/image-name.ts";
import { parseSourceDateEpoch } from "../system/time.ts";
import { type CheckPlan, plannedChecks } from "./check.ts";
import { chosenArches, chosenFamily } from "./choice.ts";
import { plannedBaseLock, plannedLock } from "./lock.ts";
import type { PlanRequest } from "./request.ts";

/** What a running container is, whichever image it comes from. */
export interface Service {
  readonly command: readonly string[];
  readonly user: { readonly uid: number; readonly gid: number };
  /** Without `CAP_`. */
  readonly capabilities: readonly string[];
  /** As `67/udp`. */
  readonly ports: readonly string[];
  /** Files that are mounted read-only. */
  readonly config: readonly string[];
  /** Directories that outlive the container. */
  readonly state: readonly string[];
  /** Directories that are empty at every start, below /run, /tmp or /var/tmp. */
  readonly runtime: readonly string[];
  /** Whether the program needs an init as process 1. */
  readonly init: boolean;
  /** A command inside the container that ends with 0 while the service is well. */
  readonly health?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface PlannedDirectory {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
}

/** A file that no package has. */
export interface PlannedFile extends PlannedDirectory {
  readonly content: string;
}

interface CommonImagePlan extends CheckPlan {
  readonly recipe: string;
  readonly title: string;
  /** SPDX licence expression. */
  readonly license: string;
  readonly source?: string;
  readonly arch: Arch;
  /** The image's name with its host, without tag. */
  readonly image: string;
  readonly service: Service;
  /** The state and runtime directories, and what the recipe adds; no path twice. */
  readonly directories: readonly PlannedDirectory[];
  readonly files: readonly PlannedFile[];
  /** Seconds since the epoch for every time in the image; absent: the newest file of the packages. */
  readonly created?: number;
}

/** An image with the service's files and nothing else. */
export interface ScratchImagePlan extends CommonImagePlan {
  readonly kind: "scratch";
  readonly family: Family;
  readonly packages: readonly string[];
  /** Programs by name or absolute path. */
  readonly binaries: readonly string[];
  /** Sonames, paths or directories of libraries that the programs open by themselves; with $LIB. */
  readonly plugins: readonly string[];
  /** Files and directories of the packages that no rule finds; with $LIB and wildcards of glob(7). */
  readonly include: readonly string[];
  /** By feature of a dlopen note, whether its libraries come along; others by their priority. */
  readonly dlopen: Readonly<Record<string, boolean>>;
  /** Hints that are not reported. */
  readonly ignoreHints: readonly string[];
  /** The hint for a file that no package has. */
  readonly ifMissing?: string;
  /** What the image carries for vulnerability scanners; absent: nothing. */
  readonly metadata?: "dpkg-status-d";
  /** The image that the package manager runs in; absent: on this host. */
  readonly builder?: string;
  /** The exact packages, one set for each release that the lock knows; absent: what the package manager would install. */
  readonly lock?: readonly LockedRelease[];
}

/** A distribution's base image with packages installed into it. */
export interface OsImagePlan extends CommonImagePlan {
  readonly kind: "os";
  /** Whose packages the base has. */
  readonly family: Family;
  readonly base: string;
  readonly packages: readonly string[];
  /** Exactly this base and these packages; absent: the base of that name and what its package manager would install. */
  readonly lock?: LockedBase;
}

export type ImagePlan = ScratchImagePlan | OsImagePlan;

export interface Plan {
  readonly recipe: string;
  /** One per architecture. */
  readonly images: readonly ImagePlan[];
}

/**
 * Decides everything about the images that a recipe and a request lead to. Nothing after it depends on options, environment or
 * time. Throws a usage Failure for the first thing in the request that cannot be.
 */
export function planImages(recipe: Recipe, request: PlanRequest): Plan {
  const arches = chosenArches(recipe, request);
  const created = parseSourceDateEpoch(request.sourceDateEpoch);
  const common = {
    recipe: recipe.name,
    title: recipe.title,
    license: recipe.license,
    ...(recipe.source === undefined ? {} : { source: recipe.source }),
    image:
      request.name === undefined
        ? `localhost/${recipe.name}${request.kind === "fedora" ? "-fedora" : ""}`
        : parseImageName(request.name),
    service: plannedService(recipe.service),
    ...plannedChecks(recipe),
    ...(created === undefined ? {} : { created }),
  };
  switch (request.kind) {
    case "scratch": {
      const rest = scratchPart(recipe, request);
      const lockOf = (arch: Arch) => plannedLock(recipe.name, request.lock, { family: rest.family, arch });
      return {
        recipe: recipe.name,
        images: arches.map((arch) => ({ kind: "scratch", arch, ...common, ...rest, ...lockOf(arch) })),
      };
    }
    case "fedora": {
      const rest = osPart(recipe, request);
      const lockOf = (arch: Arch) => plannedBaseLock(recipe.name, request.lock, { base: rest.base, arch });
      return {
        recipe: recipe.name,
        images: arches.map((arch) => ({ kind: "os", arch, ...common, ...rest, ...lockOf(arch) })),
      };
    }
  }
}

function scratchPart(recipe: Recipe, request: PlanRequest) {
  const { scratch, service } = recipe;
  if (scratch === undefined) {
    throw usageFailure(
      `cannot plan a scratch image of ${recipe.name}: the recipe has no scratch part`,
      "there is `dhcpd-build fedora`",
    );
  }
  refuse(request, "base", "a scratch image has no base image", "--base belongs to `dhcpd-build fedora`");
  const family = chosenFamily(recipe.name, scratch.packages, request);
  const builder =
    parseImageReference("--builder", request.builder) ??
    (family === "fedora" && request.hostFamily !== family ? recipe.fedora?.builder : undefined);
  return {
    family,
    packages: scratch.packages[family] ?? [],
    binaries: scratch.binaries,
    plugins: scratch.plugins,
    include: scratch.include,
    dlopen: scratch.dlopen,
    ignoreHints: scratch.ignoreHints,
    ...metadataOf(recipe.name, scratch.metadata, family),
    ...(scratch.ifMissing && { ifMissing: scratch.ifMissing }),
    ...(builder === undefined ? {} : { builder }),
    ...plannedAdditions(service, scratch),
  };
}

function metadataOf(recipe: string, metadata: "none" | "dpkg-status-d", family: Family) {
  if (metadata === "none") return {};
  if (family === "debian") return { metadata };
  throw usageFailure(
    `cannot plan ${recipe} from ${family} packages: metadata ${metadata} describes Debian's`,
    "take Debian's with --from debian, or leave scratch.metadata out of the recipe",
  );
}

function osPart(recipe: Recipe, request: PlanRequest) {
  const { fedora, service } = recipe;
  if (fedora === undefined) {
    throw usageFailure(
      `cannot plan an OS-based image of ${recipe.name}: the recipe has no fedora part`,
      "there is `dhcpd-build scratch`",
    );
  }
  refuse(request, "from", "an OS-based image has its base's packages", "--from belongs to `dhcpd-build scratch`");
  refuse(request, "builder", "an OS-based image is built inside its base image", "--base chooses another one");
  return {
    family: "fedora" as const,
    base: parseImageReference("--base", request.base) ?? fedora.base,
    packages: fedora.packages,
    ...plannedAdditions(service, fedora),
  };
}

function refuse(request: PlanRequest, option: "base" | "from" | "builder", because: string, hint: string): void {
  if (request[option] !== undefined) throw usageFailure(`cannot use --${option}: ${because}`, hint);
}

function plannedService({ user, health, ...service }: Recipe["service"]): Service {
  return { ...service, user: ids(user), ...(health === undefined ? {} : { health }) };
}

/** State and runtime directories belong to the service's user, unless the recipe lists them among its directories. */
function plannedAdditions(
  service: Recipe["service"],
  { directories, files }: Pick<NonNullable<Recipe["scratch"]>, "directories" | "files">,
) {
  const listed = directories.map(({ path, owner, mode }) => ({ path, ...ownership({ owner, mode }) }));
  const owned = (paths: readonly string[], mode: number) =>
    paths
      .filter((path) => !listed.some((directory) => directory.path === path))
      .map((path) => ({ path, ...ids(service.user), mode }));
  return {
    directories: [...owned(service.state, 0o755), ...owned(service.runtime, 0o750), ...listed],
    files: files.map(({ path, content, owner, mode }) => ({ path, content, ...ownership({ owner, mode }) })),
  };
}

function ownership({ owner, mode }: { readonly owner: string; readonly mode: string }) {
  return { ...ids(owner), mode: Number.parseInt(mode, 8) };
}

function ids(owner: string): { readonly uid: number; readonly gid: number } {
  const [uid = 0, gid = 0] = owner.split(":").map(Number);
  return { uid, gid };
}
