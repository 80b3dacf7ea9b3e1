import type { Command } from "commander";
import { Buildah } from "../image/buildah.ts";
import { parseDestination } from "../registry/destination.ts";
import { findLatest } from "../registry/latest.ts";
import { BuildahManifests } from "../registry/manifest.ts";
import { pushAll } from "../registry/push.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { parseImageName } from "../system/image-name.ts";
import { createWorkdir } from "../system/workdir.ts";
import { type ConnectionFlags, connectionOf, timeoutOption, tlsVerifyOption } from "./options.ts";

interface PushFlags extends ConnectionFlags {
  readonly json?: true;
}

/** `push NAME DEST`: the images of every architecture that the store has, and their index, to a registry or an OCI layout. */
export function addPushCommand(command: Command, context: CommandContext): void {
  command
    .argument("<name>", "local image name, without a tag")
    .argument("<destination>", "registry.example/group/service or oci:DIRECTORY, without a tag")
    .addOption(tlsVerifyOption())
    .addOption(timeoutOption())
    .option("--json", "print JSON")
    .addHelpText("after", "\nUses buildah's credentials: buildah login HOST.")
    .action(async (text: string, to: string, flags: PushFlags) => {
      const { run, log } = context;
      const connection = connectionOf(flags);
      const name = parseImageName(text);
      const destination = parseDestination(to);
      await using workdir = await createWorkdir();
      const buildah = new Buildah(run, workdir.path);
      const distribution = new BuildahManifests(run, connection, workdir);
      const images = await findLatest(name, buildah);
      if (images.length === 0) {
        throw new Failure(`cannot push ${name}: no image of this name in local storage`, {
          hint: "list images with: buildah images; give the name without a tag",
        });
      }
      const pushed = await pushAll(name, images, destination, { buildah, distribution, log });
      if (flags.json) context.printJson({ pushed });
      else for (const { reference, digest } of pushed) context.print(`${reference}@${digest}`);
    });
}
