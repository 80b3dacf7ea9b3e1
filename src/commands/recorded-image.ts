import type { RecordedImage } from "../report/sbom.ts";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";

/** An image of the local store with what was recorded in it when it was built. Throws Failure where there is none. */
export async function readRecordedImage(image: string, { run }: CommandContext): Promise<RecordedImage> {
  const [{ Buildah }, { readRecord }, { CommandFailure }] = await Promise.all([
    import("../image/buildah.ts"),
    import("../report/record.ts"),
    import("../system/run.ts"),
  ]);
  const described = await new Buildah(run).describe(image).catch((error: unknown) => {
    if (!(error instanceof CommandFailure)) throw error;
    if (!/image not known|not an image|invalid reference|repository name|no such image/i.test(error.stderr))
      throw error;
    throw new Failure(`cannot find image ${image} in the local store`, {
      hint: "buildah images lists what is there; fetch one from a registry with: buildah pull NAME",
      cause: error,
    });
  });
  const record = readRecord(described.config.config?.Labels ?? {});
  if (record !== undefined) return { id: described.id, record };
  throw new Failure(`cannot explain image ${image}: it has no record, so it was not built by dhcpd-build`);
}
