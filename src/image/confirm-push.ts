import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import type { BuildahDistribution } from "./distribution.ts";
import { persistently } from "./persistence.ts";

/** What a registry has taken. */
interface Taken {
  /** As a person reads it, with its tag. */
  readonly reference: string;
  /** The name in the registry. */
  readonly name: string;
  /** Of the image's manifest or the index. */
  readonly digest: string;
  /** The manifests of its images: of an index its own in their order, of an image the one. */
  readonly images: readonly string[];
}

/** A registry of several machines may need a moment until each of them has what one has taken. */
const later = /manifest unknown|not found/i;

/** Asks a registry for what it has just taken, by its digest, because some take anything. `apart` has a store of its own. Throws Failure. */
export async function confirmPush(
  { reference, name, digest, images }: Taken,
  apart: BuildahDistribution,
  log: Log,
): Promise<void> {
  const ask = () => apart.remoteEntries(`${name}@${digest}`);
  const entries = await persistently(`confirm that ${reference} has arrived`, ask, log, { passing: later });
  if (entries.map((entry) => entry.digest).join() === images.join()) return;
  throw new Failure(`cannot confirm that ${reference} has arrived: the registry has other images under ${digest}`, {
    hint: "ask who runs the registry, or the proxy before it, what became of it",
  });
}
