import { type Command, Option } from "commander";
import type { Content } from "../image/contents.ts";
import type { RecordedImage } from "../report/sbom.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { nativeFilesIn } from "./native-files.ts";
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
      const recorded = await readRecordedImage(image, context);
      const document = await documentOf(recorded, format, context);
      context.printJson(document);
    });
}

/** The image's own files have what its record does not: what was linked into them, and hashes that SPDX wants. */
async function documentOf(image: RecordedImage, format: Format, { run }: CommandContext): Promise<unknown> {
  const [{ Buildah }, { readContents }, { createWorkdir }] = await Promise.all([
    import("../image/buildah.ts"),
    import("../image/contents.ts"),
    import("../system/workdir.ts"),
  ]);
  await using workdir = await createWorkdir();
  const contents = await readContents(image.id, workdir.file("layers"), new Buildah(run, workdir.path));
  const examined = { ...image, natives: await nativeFilesIn(contents) };
  switch (format) {
    case "cyclonedx":
      return (await import("../report/cyclonedx.ts")).cycloneDx(examined);
    case "spdx":
      return (await import("../report/spdx.ts")).spdx(examined, await sha1sOf(image, contents));
  }
}

/** Throws Failure for an image that lacks a file of its record. */
async function sha1sOf({ id, record }: RecordedImage, contents: ReadonlyMap<string, Content>) {
  const [{ sha1Of }, { filesOf }] = await Promise.all([import("../image/contents.ts"), import("../report/sbom.ts")]);
  const hashes = filesOf(record).map(({ path }): readonly [string, string] => {
    const sha1 = sha1Of(contents, path);
    if (sha1 !== undefined) return [path, sha1];
    throw new Failure(`cannot describe image ${id}: ${path} of its record is not in it`);
  });
  return new Map(hashes);
}
