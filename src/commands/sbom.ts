import { type Command, Option } from "commander";
import { Buildah } from "../image/buildah.ts";
import { type Content, readContents, sha1Of } from "../image/contents.ts";
import { cycloneDx } from "../report/cyclonedx.ts";
import { filesOf, type RecordedImage } from "../report/sbom.ts";
import { spdx } from "../report/spdx.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { createWorkdir } from "../system/workdir.ts";
import { nativeFilesIn } from "./native-files.ts";
import { readRecordedImage } from "./recorded-image.ts";

const formats = ["cyclonedx", "spdx"] as const;
type Format = (typeof formats)[number];

/** `sbom IMAGE`: the image's bill of materials; the same image gives the same bytes. */
export function addSbomCommand(command: Command, context: CommandContext): void {
  command
    .argument("<image>", "an image built by dhcpd-build, in local storage")
    .addOption(
      new Option("--format <format>", "format: CycloneDX 1.6 or SPDX 2.3, as JSON")
        .choices(formats)
        .default("cyclonedx"),
    )
    .action(async (image: string, { format }: { format: Format }) => {
      const recorded = await readRecordedImage(image, context);
      const document = await documentOf(recorded, format, context);
      context.printJson(document);
    });
}

/** Reads the image's files for what its record does not have: what is statically linked into them, and the SHA-1 hashes that SPDX requires. */
async function documentOf(image: RecordedImage, format: Format, { run }: CommandContext): Promise<unknown> {
  await using workdir = await createWorkdir();
  const contents = await readContents(image.id, workdir.file("layers"), new Buildah(run, workdir.path));
  const examined = { ...image, natives: await nativeFilesIn(contents) };
  switch (format) {
    case "cyclonedx":
      return cycloneDx(examined);
    case "spdx":
      return spdx(examined, await sha1sOf(image, contents));
  }
}

/** Throws Failure for an image that lacks a file of its record. */
async function sha1sOf({ id, record }: RecordedImage, contents: ReadonlyMap<string, Content>) {
  const hashes = filesOf(record).map(({ path }): readonly [string, string] => {
    const sha1 = sha1Of(contents, path);
    if (sha1 !== undefined) return [path, sha1];
    throw new Failure(`cannot describe image ${id}: it does not contain ${path}, which is in its record`);
  });
  return new Map(hashes);
}
