import { Buildah } from "../image/buildah.ts";
import { findImage, isAbsentImage } from "../image/reference.ts";
import { readRecord } from "../report/record-text.ts";
import type { RecordedImage } from "../report/sbom.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { CommandFailure } from "../system/run.ts";

/** The image is there, and another tool built it. */
export class NoRecord extends Failure {
  override readonly name = "NoRecord";
}

/** The image of the local store that a person means, with what was recorded in it when it was built. Throws Failure if there is none. */
export async function readRecordedImage(
  image: string,
  { run }: CommandContext,
): Promise<RecordedImage & { readonly reference: string }> {
  const buildah = new Buildah(run);
  const { reference, found } = await findImage(
    image,
    (name) =>
      buildah.describe(name).catch((error: unknown) => {
        if (error instanceof CommandFailure && isAbsentImage(error)) return undefined;
        throw error;
      }),
    async () => (await buildah.images()).flatMap(({ names }) => names),
  );
  const record = readRecord(found.config);
  if (record !== undefined) return { ...found, reference, record };
  throw new NoRecord(`cannot explain image ${reference}: it was not built by dhcpd-build (no build record)`);
}
