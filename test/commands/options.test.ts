import { describe, expect, it } from "vitest";
import { addPlanCommand } from "../../src/commands/plan.ts";
import type { Run } from "../../src/system/run.ts";
import { runVerb } from "../support/context.ts";

const noRun: Run = () => Promise.reject(new Error("nothing is to be run"));

describe("the image's name", () => {
  const imageOf = async (...args: readonly string[]) => {
    const { stdout } = await runVerb(addPlanCommand, ["plan", "scratch", "--arch", "x86_64", ...args], noRun);
    return JSON.parse(stdout.join("\n")).images[0].image;
  };

  it.each([["--name"], ["-n"], ["--tag"], ["-t"]])("is given with %s", async (option) =>
    expect(await imageOf(option, "r.example/a")).toBe("r.example/a"),
  );

  it("is that of the recipe otherwise", async () => expect(await imageOf()).toBe("localhost/dhcpd"));
});
