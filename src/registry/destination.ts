import path from "node:path";
import { usageFailure } from "../system/errors.ts";
import { parseImageName } from "../system/image-name.ts";

/** Where images are pushed to. */
export type Destination =
  /** A name in a registry, with the registry's host. */
  | { readonly kind: "registry"; readonly name: string }
  /** An OCI image layout (image specification, image-layout.md) in a directory. */
  | { readonly kind: "layout"; readonly directory: string };

const registryPrefix = "docker://";
const layoutPrefix = "oci:";

/** Whether a name says by itself that it is meant to be looked up in its registry. */
export function hasRegistryTransport(name: string): boolean {
  return name.startsWith(registryPrefix);
}

/** Reads `registry.example/group/name` (also after `docker://`) or `oci:DIRECTORY`. Throws a usage Failure. */
export function parseDestination(text: string): Destination {
  if (text.startsWith(layoutPrefix)) {
    const directory = text.slice(layoutPrefix.length);
    if (directory !== "" && !directory.includes(":")) return { kind: "layout", directory: path.resolve(directory) };
    const cause = directory === "" ? "it names no directory" : "the directory's name may have no colon";
    throw usageFailure(`cannot push to '${text}': ${cause}`, "the version and the architecture become the tags in it");
  }
  const transport = /^(?:dir|docker-archive|oci-archive|docker-daemon|containers-storage):/.exec(text)?.[0];
  if (transport !== undefined) {
    throw usageFailure(
      `cannot push to '${text}': the images of every architecture and their index fit into a registry or an oci: directory only`,
      `one image alone: buildah push NAME:latest-ARCH ${text}`,
    );
  }
  const bare = hasRegistryTransport(text) ? text.slice(registryPrefix.length) : text;
  const name = parseImageName(bare);
  if (name === bare) return { kind: "registry", name };
  throw usageFailure(`cannot push to '${text}': it has no registry`, `write its host before it: HOST/${bare}`);
}

/** A tag at a destination as a person reads it. */
export function referenceAt(destination: Destination, tag: string): string {
  switch (destination.kind) {
    case "registry":
      return `${destination.name}:${tag}`;
    case "layout":
      return `${layoutPrefix}${destination.directory}:${tag}`;
  }
}

/** The same as buildah takes it, with its transport (containers-transports(5)). */
export function transportAt(destination: Destination, tag: string): string {
  const reference = referenceAt(destination, tag);
  return destination.kind === "registry" ? `${registryPrefix}${reference}` : reference;
}
