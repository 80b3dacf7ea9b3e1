import { type Command, Option } from "commander";
import { Buildah } from "../image/buildah.ts";
import { hasRegistryTransport } from "../registry/destination.ts";
import { type BuiltIndex, indexRegistry, indexStore } from "../registry/image-index.ts";
import { findLatest } from "../registry/latest.ts";
import { BuildahManifests } from "../registry/manifest.ts";
import { type Arch, archesAsked, archNames } from "../system/arch.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { parseImageName } from "../system/image-name.ts";
import { createWorkdir } from "../system/workdir.ts";
import { type ConnectionFlags, connectionOf, repeated, timeoutOption, tlsVerifyOption } from "./options.ts";

interface IndexFlags extends ConnectionFlags {
  readonly arch?: readonly string[];
  readonly json?: true;
}

const explanation = `
Uses the local images if there is one for every architecture. Otherwise uses the images in NAME's registry and pushes the index
there. docker://NAME always uses the registry.`;

/** `index NAME`: one multi-architecture index of the per-architecture images, here or in a registry. */
export function addIndexCommand(command: Command, context: CommandContext): void {
  command
    .argument("<name>", "image name without a tag, such as localhost/service or registry.example/group/service")
    .addOption(
      new Option("-a, --arch <arch>", "an architecture to include (repeatable; default: all)").argParser(repeated),
    )
    .addOption(tlsVerifyOption())
    .addOption(timeoutOption())
    .option("--json", "print JSON")
    .addHelpText("after", explanation)
    .action(async (text: string, flags: IndexFlags) => {
      const index = await makeIndex(text, flags, context);
      const [reference = ""] = index.references;
      if (flags.json) context.printJson({ index });
      else context.print(index.digest === undefined ? reference : `${reference}@${index.digest}`);
    });
}

async function makeIndex(text: string, flags: IndexFlags, { run, log }: CommandContext): Promise<BuiltIndex> {
  const wanted = chosen(flags.arch);
  const connection = connectionOf(flags);
  const inRegistry = hasRegistryTransport(text);
  const name = parseImageName(inRegistry ? text.slice("docker://".length) : text);
  await using workdir = await createWorkdir();
  const buildah = new Buildah(run, workdir.path);
  const distribution = new BuildahManifests(run, connection, workdir);
  const tools = { buildah, distribution, run, workdir, log };
  const stored = inRegistry ? [] : (await findLatest(name, buildah)).filter(({ arch }) => wanted.includes(arch));
  if (stored.length === wanted.length) return await indexStore(name, stored, tools);
  if (name.startsWith("localhost/")) throw notThere(name, wanted, stored);
  log.info(
    inRegistry
      ? `making the index from the registry's images of ${name}`
      : `making the index from the registry's images, because local storage does not have every architecture of ${name}`,
  );
  return await indexRegistry(name, wanted, tools);
}

/** In the order of the architectures, however they were typed, so that the same index comes of it. */
function chosen(words: readonly string[] = ["all"]): readonly Arch[] {
  const asked = archesAsked(words, archNames);
  return archNames.filter((name) => asked.includes(name));
}

function notThere(name: string, wanted: readonly Arch[], stored: readonly { readonly arch: Arch }[]): Failure {
  const missing = wanted.filter((arch) => !stored.some((image) => image.arch === arch));
  const limit = stored.map(({ arch }) => `--arch ${arch}`).join(" ");
  return new Failure(`cannot make the index of ${name}: there is no image ${name}:latest-${missing[0]}`, {
    hint: `build it with --arch ${missing[0]}${limit === "" ? "" : `, or make an index without it: ${limit}`}`,
  });
}
