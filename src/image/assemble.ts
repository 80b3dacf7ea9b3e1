import { mkdir, writeFile } from "node:fs/promises";
import { type Arch, arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { ownName, type Workdir } from "../system/workdir.ts";
import type { Buildah, WorkingContainer } from "./buildah.ts";
import {
  type ConfiguredPlan,
  executionConfig,
  type ImageDescription,
  imageAnnotations,
  references,
  variableOf,
} from "./config.ts";
import { writeLayout } from "./layout.ts";

/** An image in the local store. */
export interface StoredReferences {
  readonly arch: Arch;
  readonly id: string;
  readonly references: readonly string[];
}

/** What is put into an image besides the plan. */
export interface ImageContent {
  /** The path of a tar with files to add. */
  readonly rootfs: string;
  /** The service's upstream version. */
  readonly version: string;
  /** Seconds since the epoch. */
  readonly created: number;
  /** The record as text, which the image's history carries. */
  readonly recordText: string;
  /** What the container was made from; absent for none. */
  readonly base?: ImageDescription;
}

/** The signature policy (containers-policy.json(5)) for the layout that we write ourselves, whatever the host asks of images of others. */
const policy = { default: [{ type: "reject" }], transports: { oci: { "": [{ type: "insecureAcceptAnything" }] } } };

/**
 * Makes the image of a working container, of either kind: one layer over what it came from, tagged. Its configuration is the plan's alone,
 * and it is written to a file: labels and other values of `buildah config` would be arguments, whose length is limited, and values of a
 * base would stay. buildah commits the layer, and takes the image of that layer and the configuration from an OCI layout. Throws Failure.
 */
export async function assemble(
  plan: ConfiguredPlan,
  container: WorkingContainer,
  content: ImageContent,
  { buildah, workdir }: { readonly buildah: Buildah; readonly workdir: Workdir },
): Promise<StoredReferences> {
  await buildah.add(container, content.rootfs);
  await using drafts = openDrafts(buildah);
  const commit = await buildah.commit(container, content.created, storedName(drafts.name()));
  const committed = await buildah.describe(commit);
  const draft = drafts.name();
  const directory = workdir.file(draft);
  await mkdir(directory);
  const written = await writeLayout(directory, storedName(draft), imageOf(plan, content, committed));
  const policyFile = workdir.file("policy.json");
  await writeFile(policyFile, JSON.stringify(policy));
  const id = await buildah.pullLayout(workdir.path, draft, storedName(draft), policyFile);
  if (id !== written) throw new Failure(`cannot build for ${plan.arch}: buildah made image ${id} of image ${written}`);
  const names = references(plan, content.version);
  await buildah.tag(id, names);
  return { arch: plan.arch, id, references: names };
}

/** The image that a committed one becomes: with its layers, and with nothing else of it. */
function imageOf(plan: ConfiguredPlan, content: ImageContent, { config, layers }: ImageDescription) {
  const { version, base, recordText } = content;
  const created = new Date(content.created * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  // One entry for each layer, as config.md wants it.
  const inherited = layers.slice(1).map(() => ({ created, created_by: "the base image" }));
  return {
    config: {
      created,
      architecture: arches[plan.arch].oci,
      os: "linux",
      config: executionConfig(plan, version, base && variableOf(base, "PATH")),
      rootfs: config.rootfs,
      history: [...inherited, { created, created_by: recordText }],
    },
    layers,
    annotations: imageAnnotations(plan, version, base),
  };
}

/** Names for images in the making; with the scope they are gone, and so are the images that have no other name. */
export function openDrafts(buildah: Pick<Buildah, "rmi">): { name(): string } & AsyncDisposable {
  const names: string[] = [];
  return {
    name() {
      const name = ownName();
      names.push(name);
      return name;
    },
    [Symbol.asyncDispose]: () => buildah.rmi(names.map(storedName)),
  };
}

/** By which the store has an image that was named so; `dhcpd-build clean` finds those that a killed build left. */
function storedName(draft: string): string {
  return `localhost/${draft}:latest`;
}
