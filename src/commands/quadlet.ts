import { type Command, Option } from "commander";
import type { PodmanVersion } from "../deploy/podman.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure, usageFailure } from "../system/errors.ts";
import { type PlanOptions, readPlan, recipeOption, repeated } from "./options.ts";

interface QuadletOptions extends PlanOptions {
  readonly podman?: string;
  readonly image?: string;
  readonly interface?: readonly string[];
  readonly template?: true;
  readonly notify?: true;
  readonly butane?: true;
  readonly address?: string;
}

/** What Debian's and Fedora's current releases have at least. */
const usualPodman = "5.4";

/** `quadlet`: the unit that runs the service under podman and systemd. */
export function addQuadletCommand(program: Command, context: CommandContext): void {
  program
    .command("quadlet")
    .description("print the Podman Quadlet unit of the service")
    .addOption(recipeOption())
    .addOption(
      new Option("-a, --arch <arch>", "of the image in the unit (default: this machine's)").argParser(repeated),
    )
    .addOption(new Option("-t, --tag <name>", "the image's name without tag (default: localhost/<recipe>)"))
    .addOption(new Option("--image <image>", "the image with its tag or digest").conflicts("tag"))
    .addOption(new Option("--podman <version>", `for this podman (default: this host's, or ${usualPodman})`))
    .addOption(new Option("--interface <name>", "an interface to serve; repeatable").argParser(repeated))
    .addOption(new Option("--template", "one unit for any interface, started as NAME@INTERFACE"))
    .addOption(new Option("--notify", "the program tells systemd when it is ready (needs libsystemd in its closure)"))
    .addOption(new Option("--butane", "a Fedora CoreOS configuration with the unit and the static address"))
    .addOption(new Option("--address <address>", "the served interface's own, for --butane, as 192.0.2.1/24"))
    .action(async (options: QuadletOptions) => context.print((await unitText(options, context)).trimEnd()));
}

async function unitText(options: QuadletOptions, context: CommandContext): Promise<string> {
  const [{ quadletUnit }, { butane }, { imageAsked }] = await Promise.all([
    import("../deploy/quadlet.ts"),
    import("../deploy/butane.ts"),
    import("../system/image-name.ts"),
  ]);
  const { images } = await readPlan("scratch", options);
  const [plan] = images;
  if (plan === undefined || images.length > 1)
    throw usageFailure("cannot write one unit for several architectures", "name one with --arch");
  const unit = quadletUnit(plan, {
    podman: await targetPodman(options.podman, context),
    image: imageAsked("--image", options.image) ?? `${plan.image}:latest-${plan.arch}`,
    interfaces: options.interface ?? [],
    template: options.template ?? false,
    notify: options.notify ?? false,
  });
  if (!options.butane) return unit.text;
  const [served, ...more] = options.interface ?? [];
  if (served === undefined || more.length > 0 || options.address === undefined) {
    throw usageFailure(
      "cannot write the static address of the served interface",
      "name it with --interface and --address",
    );
  }
  return butane(plan, unit, { interface: served, address: options.address });
}

/** A host whose podman has no Quadlet is not where the unit will run. */
async function targetPodman(asked: string | undefined, { run, log }: CommandContext): Promise<PodmanVersion> {
  const { parsePodmanVersion } = await import("../deploy/podman.ts");
  if (asked !== undefined) return parsePodmanVersion(asked);
  try {
    return parsePodmanVersion(await run(["podman", "version", "--format", "{{.Client.Version}}"]));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log.info(
      `the unit is for podman ${usualPodman}: this host has no podman with Quadlet; --podman chooses another version`,
    );
    return parsePodmanVersion(usualPodman);
  }
}
