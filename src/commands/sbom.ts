import { type Command, Option } from "commander";
import type { RecordedImage } from "../report/sbom.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { readRecordedImage } from "./recorded-image.ts";

const formats = ["cyclonedx", "spdx"] as const;
type Format = (typeof formats)[number];

/** `sbom IMAGE`: the image's bill of materials; the same image gives the same bytes. */
export function addSbomCommand(program: Command, context: CommandContext): void {
  program
    .command("sbom")
    .description("print an image's bill of materials: packages, licences, files, and what needs what")
    .argument("<image>", "an image that dhcpd-build built, in the local store")
    .addOption(
      new Option("--format <format>", "CycloneDX 1.6 or SPDX 2.3, as JSON").choices(formats).default("cyclonedx"),
    )
    .action(async (image: string, { format }: { format: Format }) => {
      const document = await documentOf(await readRecordedImage(image, context), format, context);
      context.printJson(document);
    });
}

async function documentOf(image: RecordedImage, format: Format, context: CommandContext): Promise<unknown> {
  switch (format) {
    case "cyclonedx":
      return (await import("../report/cyclonedx.ts")).cycloneDx(image);
    case "spdx":
      return (await import("../report/spdx.ts")).spdx(image, await sha1sOf(image, context));
  }
}

/** The hashes that no record has, from the image itself. Throws Failure for an image that lacks a file of its record. */
async function sha1sOf({ id, record }: RecordedImage, { run }: CommandContext): Promise<ReadonlyMap<string, string>> {
  const [{ Buildah }, { readContents, sha1Of }, { filesOf }, { createWorkdir }] = await Promise.all([
    import("../image/buildah.ts"),
    import("../image/contents.ts"),
    import("../report/sbom.ts"),
    import("../system/workdir.ts"),
  ]);
  await using workdir = await createWorkdir();
  const contents = await readContents(id, workdir.file("layers"), new Buildah(run, workdir.path));
  const hashes = filesOf(record).map(({ path }): readonly [string, string] => {
    const sha1 = sha1Of(contents, path);
    if (sha1 !== undefined) return [path, sha1];
    throw new Failure(`cannot describe image ${id}: ${path} of its record is not in it`);
  });
  return new Map(hashes);
}
