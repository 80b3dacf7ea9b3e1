import { type Command, Option } from "commander";
import { butane } from "../deploy/butane.ts";
import { type PodmanVersion, parsePodmanVersion } from "../deploy/podman.ts";
import { quadletUnit, type Unit } from "../deploy/quadlet.ts";
import type { ImagePlan } from "../plan/plan.ts";
import type { BuildRecord } from "../report/record.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure, usageFailure } from "../system/errors.ts";
import { imageToRun } from "../system/image-name.ts";
import { installUnit } from "./install-unit.ts";
import { nameOption, type PlanOptions, readPlan, recipeOption, repeated, tagOption } from "./options.ts";
import { NoRecord, readRecordedImage } from "./recorded-image.ts";

interface QuadletOptions extends PlanOptions {
  readonly podman?: string;
  readonly image?: string;
  readonly interface?: readonly string[];
  readonly template?: true;
  /** false is `--no-notify`; undefined leaves it to the image. */
  readonly notify?: boolean;
  readonly butane?: true;
  readonly address?: string;
  readonly install?: true;
  readonly user?: true;
  readonly dryRun?: true;
  readonly force?: true;
}

/** The oldest version in the current releases of Debian and Fedora. */
const usualPodman = "5.4";

/** `quadlet`: the unit that runs the service under podman and systemd. */
export function addQuadletCommand(command: Command, context: CommandContext): void {
  command
    .addOption(recipeOption())
    .addOption(
      new Option("-a, --arch <arch>", "architecture of the image (default: this machine's)").argParser(repeated),
    )
    .addOption(nameOption())
    .addOption(tagOption())
    .addOption(new Option("--image <image>", "image with tag or digest").conflicts(["name", "tag"]))
    .addOption(new Option("--podman <version>", `target podman version (default: this host's, or ${usualPodman})`))
    .addOption(new Option("--interface <name>", "an interface to serve (repeatable)").argParser(repeated))
    .addOption(new Option("--template", "write a template unit, started as NAME@INTERFACE"))
    .addOption(
      new Option("--notify", "wait for the program's readiness notification (default: detected from the image)"),
    )
    .addOption(new Option("--no-notify", "do not wait for readiness"))
    .addOption(new Option("--butane", "print a Fedora CoreOS configuration with the unit and the static address"))
    .addOption(new Option("--address <address>", "address of the interface, with --butane, for example 192.0.2.1/24"))
    .addOption(new Option("--install", "install the unit and print its path").conflicts("butane"))
    .addOption(new Option("--user", "install for the current user").conflicts("butane"))
    .addOption(new Option("--dry-run", "with --install: write nothing, only print what would be done"))
    .addOption(new Option("--force", "with --install: replace a foreign or modified unit"))
    .action(async (options: QuadletOptions) => {
      if (!options.install && (options.dryRun || options.force))
        throw usageFailure(
          `cannot use ${options.dryRun ? "--dry-run" : "--force"}: nothing is installed`,
          "add --install",
        );
      if (options.address !== undefined && !options.butane)
        throw usageFailure("cannot use --address: only a Butane configuration contains the address", "add --butane");
      const { plan, unit } = await requestedUnit(options, context);
      if (options.install) await installUnit(plan, unit, options, context);
      else context.print((await printed(plan, unit, options)).trimEnd());
    });
}

async function requestedUnit(
  options: QuadletOptions,
  context: CommandContext,
): Promise<{ readonly plan: ImagePlan; readonly unit: Unit }> {
  const { images } = await readPlan("any", options);
  const [plan] = images;
  if (plan === undefined || images.length > 1)
    throw usageFailure("cannot write one unit for several architectures", "choose one with --arch");
  const image = imageToRun("--image", options.image, `latest-${plan.arch}`) ?? `${plan.image}:latest-${plan.arch}`;
  const isRead = options.image !== undefined || options.notify === undefined;
  const record = isRead ? await recordOf(image, context) : undefined;
  if (record !== undefined) requireRecipe(plan, image, record);
  const unit = quadletUnit(plan, {
    podman: await targetPodman(options.podman, context),
    image,
    interfaces: options.interface ?? [],
    template: options.template ?? false,
    notify: options.notify ?? signalsReadiness(image, record, context),
    user: options.user ?? false,
  });
  return { plan, unit };
}

async function printed(plan: ImagePlan, unit: Unit, options: QuadletOptions): Promise<string> {
  if (!options.butane) return unit.text;
  const [served, ...more] = options.interface ?? [];
  if (served === undefined || more.length > 0 || options.address === undefined) {
    throw usageFailure(
      "cannot write the static address of the served interface",
      "give --interface once, and --address",
    );
  }
  return butane(plan, unit, { interface: served, address: options.address });
}

/** The record of the unit's image; undefined if this host has no such image, because the unit may be for another one. */
async function recordOf(image: string, context: CommandContext): Promise<BuildRecord | undefined> {
  try {
    return (await readRecordedImage(image, context)).record;
  } catch (error) {
    if (!(error instanceof Failure) || error instanceof NoRecord) throw error;
    return undefined;
  }
}

/** An image of a different service would be started with this one's privileges and volumes. */
function requireRecipe({ recipe }: ImagePlan, image: string, { plan }: BuildRecord): void {
  if (plan.recipe === recipe) return;
  throw usageFailure(
    `cannot write a unit of ${recipe} for ${image}: it is an image of ${plan.recipe}`,
    `write its own unit with: dhcpd-build quadlet --recipe ${plan.recipe} --image ${image}`,
  );
}

/**
 * Whether the image's program can notify systemd that it is ready: its loader loads libsystemd. systemd would wait forever for a program
 * that never does, so the answer is false without a record.
 */
function signalsReadiness(image: string, record: BuildRecord | undefined, { log }: CommandContext): boolean {
  if (record !== undefined)
    return record.entries.some(({ reason }) => reason.kind === "needed" && reason.soname === "libsystemd.so.0");
  log.info(`${image} is not in local storage, so the unit does not wait for readiness (override with --notify)`);
  return false;
}

/** The usual version if this host has no podman with Quadlet, because the unit is then for another host. */
async function targetPodman(asked: string | undefined, { run, log }: CommandContext): Promise<PodmanVersion> {
  if (asked !== undefined) return parsePodmanVersion(asked);
  try {
    return parsePodmanVersion(await run(["podman", "version", "--format", "{{.Client.Version}}"]));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log.info(
      `the unit is for podman ${usualPodman} because this host has no podman with Quadlet (override with --podman)`,
    );
    return parsePodmanVersion(usualPodman);
  }
}
