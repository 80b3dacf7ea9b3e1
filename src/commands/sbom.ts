import { type Command, Option } from "commander";
import type { RecordedImage } from "../report/sbom.ts";
import type { CommandContext } from "../system/context.ts";
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
      const document = await documentOf(await readRecordedImage(image, context), format);
      context.printJson(document);
    });
}

async function documentOf(image: RecordedImage, format: Format): Promise<unknown> {
  switch (format) {
    case "cyclonedx":
      return (await import("../report/cyclonedx.ts")).cycloneDx(image);
    case "spdx":
      return (await import("../report/spdx.ts")).spdx(image);
  }
}
