import type { Command } from "commander";
import { Buildah } from "../image/buildah.ts";
import { readContents } from "../image/contents.ts";
import { ownersOf } from "../install/rpm-database.ts";
import { resolvePath } from "../report/path.ts";
import type { RecordedImage } from "../report/sbom.ts";
import { explain, explanationText, overviewText, pathsLike } from "../report/why.ts";
import { explainInstalled, installedText, packagesText } from "../report/why-package.ts";
import type { Arch } from "../system/arch.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { createWorkdir } from "../system/workdir.ts";
import { readRecordedImage } from "./recorded-image.ts";

/** `why IMAGE [PATH]`: why this file is in the image. */
export function addWhyCommand(command: Command, context: CommandContext): void {
  command
    .argument("<image>", "an image built by dhcpd-build, in local storage")
    .argument("[path]", "path in the image (default: list all)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nFor files that the record of an OS-based image does not list, the image's rpm database is queried in a container.",
    )
    .action(async (image: string, wanted: string | undefined, flags: { json?: true }) => {
      const recorded = await readRecordedImage(image, context);
      const print = (value: unknown, text: string) => (flags.json ? context.printJson(value) : context.print(text));
      if (wanted === undefined) return print(...(await overview(recorded)));
      print(...(await explanationOf(recorded, wanted, recorded.reference, context)));
    });
}

type Explained = readonly [value: unknown, text: string];

async function overview({ record }: RecordedImage): Promise<Explained> {
  const { entries, packages, plan } = record;
  if (plan.kind === "scratch") return [{ entries }, overviewText(record)];
  return [{ entries, packages }, `${overviewText(record)}\n${packagesText(record)}`];
}

async function explanationOf(
  { id, record }: RecordedImage,
  wanted: string,
  image: string,
  context: CommandContext,
): Promise<Explained> {
  const explanation = explain(record, wanted);
  if (explanation !== undefined) return [explanation, explanationText(explanation, record)];
  if (record.plan.kind === "os") {
    const owners = await askImage({ id, arch: record.plan.arch }, wanted, context);
    const installed = owners && explainInstalled(record, wanted, owners);
    if (installed !== undefined) return [installed, installedText(installed, record)];
  }
  throw new Failure(`cannot explain ${wanted}: it is not in ${image}`, {
    hint: hintFor(pathsLike(record, wanted), image),
  });
}

/** The packages that own a path of an OS-based image, by its rpm database; undefined if the image does not contain the path. */
async function askImage(image: { readonly id: string; readonly arch: Arch }, wanted: string, { run }: CommandContext) {
  await using workdir = await createWorkdir();
  const buildah = new Buildah(run, workdir.path);
  // A container would have more than its image: /proc, /dev and mounts.
  const contents = await readContents(image.id, workdir.file("layers"), buildah);
  const links = new Map(
    [...contents].map(([path, { kind, linkName }]) => [path, kind === "symlink" ? { target: linkName } : {}]),
  );
  const { path } = resolvePath(wanted, links);
  if (!contents.has(path)) return undefined;
  return await ownersOf(path, image, await workdir.directory("outside"), buildah);
}

function hintFor(alike: readonly string[], image: string): string {
  return alike.length > 0 ? `it contains ${alike.join(", ")}` : `dhcpd-build why ${image} lists every path`;
}
