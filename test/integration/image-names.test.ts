import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageNames, noImageNames } from "../support/image-names.ts";
import { run } from "../support/run.ts";
import { createStore, type Store } from "../support/store.ts";
import { requireTools } from "../support/tools.ts";

describe.runIf(requireTools("buildah"))("what is the name of an image for us", () => {
  let store: Store;
  beforeAll(async () => {
    store = await createStore({ driver: "vfs" });
  });
  afterAll(() => store?.[Symbol.asyncDispose]());
  /** What buildah says of an image that is not there. */
  const complaint = (name: string) =>
    run(["buildah", "from", "--pull-never", name], { env: store.env }).then(
      () => "there is one",
      (error: Error) => error.message,
    );

  it("is one for buildah, too", async () => {
    for (const name of imageNames) expect(await complaint(name), name).toMatch(/image not known$/m);
  });

  it("and what is none for us is none for buildah", async () => {
    const refused =
      /invalid reference format|invalid checksum digest|unsupported digest algorithm|must be lowercase|expected colon-separated/;
    for (const name of noImageNames) expect(await complaint(name), name).toMatch(refused);
  });
});
