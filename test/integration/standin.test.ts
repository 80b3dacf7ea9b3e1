import { beforeAll, describe, expect, test } from "vitest";
import { type StandIn, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";

describe.runIf(requireTools(...standInTools, "buildah", "dnf"))("the stand-in for Fedora", () => {
  let world: StandIn;
  beforeAll(async () => {
    world = await standIn();
  }, 600_000);

  test("made", () => {
    expect(world.release).toBe("44");
  });
});
