import { expect, it } from "vitest";
import { Podman } from "../../src/image/podman.ts";
import type { RunOptions } from "../../src/system/run.ts";

/** What podman is started with when it runs and removes a container. */
async function startedWith(temporary?: string): Promise<readonly RunOptions[]> {
  const seen: RunOptions[] = [];
  const podman = new Podman(async (_, options = {}) => {
    seen.push(options);
    return "";
  }, temporary);
  await podman.run(["served"]);
  await podman.rm("served");
  return seen;
}

it("keeps podman's temporary files where they are removed, whatever kills it", async () => {
  expect(await startedWith("/work")).toEqual([
    { takesStderr: true, env: { TMPDIR: "/work" } },
    { evenInterrupted: true, env: { TMPDIR: "/work" } },
  ]);
});

it("leaves podman the user's own place for them otherwise", async () => {
  expect((await startedWith()).map(({ env }) => env)).toEqual([{}, {}]);
});
