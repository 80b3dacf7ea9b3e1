import { type Command, Option } from "commander";
import { defaultLockFile, readLock } from "../lock/file.ts";
import { type Plan, planImages } from "../plan/plan.ts";
import type { PlanRequest } from "../plan/request.ts";
import { loadRecipe } from "../recipe/load.ts";
import type { Recipe } from "../recipe/schema.ts";
import type { Connection } from "../registry/manifest.ts";
import { hostArch } from "../system/arch.ts";
import { type Failure, usageFailure } from "../system/errors.ts";
import { families } from "../system/family.ts";
import { hostFamily } from "../system/os-release.ts";
import { durationPattern, milliseconds, registryTimeout } from "../system/time.ts";

/** The options that choose what is planned, as commander hands them over. */
export interface PlanOptions {
  readonly recipe: string;
  readonly arch?: readonly string[];
  readonly name?: string;
  /** The former spelling of `name`. */
  readonly tag?: string;
  readonly from?: string;
  readonly builder?: string;
  readonly base?: string;
  readonly locked?: true;
  readonly lockFile?: string;
}

/** A recipe and what is asked of it, before anything is decided. */
export interface Asked {
  readonly recipe: Recipe;
  readonly request: PlanRequest;
  /** Where the recipe's lock is, or would be. */
  readonly lockFile: string;
}

const defaultRecipe = "dhcpd";

export function recipeOption(): Option {
  return new Option("-r, --recipe <name|file>", "name of a shipped recipe, or path of a YAML file").default(
    defaultRecipe,
  );
}

export function lockFileOption(): Option {
  return new Option(
    "--lock-file <file>",
    "lock file (default: next to the recipe, or in the current directory for a shipped recipe)",
  );
}

export function nameOption(): Option {
  return new Option("-n, --name <name>", "image name, without a tag (default: localhost/<recipe>)");
}

/** An alias of `--name`, as users of buildah and podman type it. */
export function tagOption(): Option {
  return new Option("-t, --tag <name>", "the same as --name").conflicts("name").hideHelp();
}

/** Collects the values of an option that can be given several times. */
export function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** Adds the options of a verb that makes a plan of this kind. */
export function addPlanOptions(command: Command, kind: PlanRequest["kind"]): Command {
  command
    .addOption(recipeOption())
    .addOption(
      new Option(
        "-a, --arch <arch>",
        "x86_64 (amd64), aarch64 (arm64) or all (repeatable; default: this machine's)",
      ).argParser(repeated),
    )
    .addOption(nameOption())
    .addOption(tagOption())
    .addOption(new Option("--locked", "use exactly the packages in the lock file, or fail"))
    .addOption(lockFileOption());
  switch (kind) {
    case "scratch":
      return command
        .addOption(
          new Option("--from <family>", "distribution whose packages to use (default: this host's)").choices(families),
        )
        .addOption(new Option("--builder <image>", "run the package manager in this image"));
    case "fedora":
      return command.addOption(new Option("--base <image>", "base image to use instead of the recipe's"));
  }
}

/** The kind of image to plan; `any` is the scratch image if the recipe has one, because the service is the same in both kinds. */
type PlannedKind = PlanRequest["kind"] | "any";

/** The plan that the options ask for on this host. Throws usage Failures. */
export async function readPlan(kind: PlannedKind, options: PlanOptions): Promise<Plan> {
  const { recipe, request, lockFile } = await readRequest(kind, options);
  if (!options.locked) return planImages(recipe, request);
  const lock = await readLock(lockFile);
  if (lock !== undefined) return planImages(recipe, { ...request, lock });
  throw noLock(lockFile, request.kind);
}

/** There is no lock file where one is needed. */
export function noLock(file: string, kind: PlanRequest["kind"]): Failure {
  const command = kind === "scratch" ? "dhcpd-build lock" : "dhcpd-build lock fedora";
  return usageFailure(`cannot read the lock file ${file}: file not found`, `create it with ${command}`);
}

/** The recipe and the request that the options make on this host. Throws usage Failures. */
export async function readRequest(kind: PlannedKind, options: PlanOptions): Promise<Asked> {
  const loaded = await loadRecipe(options.recipe);
  const { name = options.tag, from, builder, base } = options;
  const sourceDateEpoch = process.env.SOURCE_DATE_EPOCH;
  const request: PlanRequest = {
    kind: kind !== "any" ? kind : loaded.recipe.scratch === undefined ? "fedora" : "scratch",
    arches: options.arch ?? [],
    ...(name === undefined ? {} : { name }),
    ...(from === undefined ? {} : { from }),
    ...(builder === undefined ? {} : { builder }),
    ...(base === undefined ? {} : { base }),
    hostArch: hostArch(),
    hostFamily: await hostFamily(),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  };
  return { recipe: loaded.recipe, request, lockFile: options.lockFile ?? defaultLockFile(loaded) };
}

/** The flags as commander hands them over. */
export interface ConnectionFlags {
  readonly tlsVerify?: "true" | "false";
  readonly timeout: string;
}

/** buildah's own option for registries without TLS. */
export function tlsVerifyOption(): Option {
  return new Option(
    "--tls-verify <boolean>",
    "require TLS with a valid certificate of a registry (default: as set in registries.conf)",
  ).choices(["true", "false"]);
}

export function timeoutOption(): Option {
  return new Option("--timeout <time>", "give up if a registry makes no progress for this long").default(
    `${registryTimeout / 1000}s`,
  );
}

/** A time without unit is in seconds, as podman's own options have it. Throws a usage Failure. */
export function connectionOf({ tlsVerify, timeout }: ConnectionFlags): Connection {
  const time = /^\d+$/.test(timeout) ? `${timeout}s` : timeout;
  if (!durationPattern.test(time))
    throw usageFailure(`cannot use --timeout '${timeout}': invalid duration`, "use a duration such as 90s or 5m");
  return { ...(tlsVerify === undefined ? {} : { tlsVerify: tlsVerify === "true" }), timeout: milliseconds(time) };
}
