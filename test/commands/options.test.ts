import { describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli.ts";
import { addPlanCommand } from "../../src/commands/plan.ts";
import type { CommandContext } from "../../src/system/context.ts";
import { silent } from "../../src/system/log.ts";
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

it("an option of an earlier version is refused with its present name", async () => {
  const context: CommandContext = {
    log: silent,
    run: noRun,
    print: () => {},
    printJson: () => {},
    relay: () => {},
    setExitCode: () => {},
  };
  const program = createProgram(context, async () => {});
  const written: string[] = [];
  const output = { ...program.configureOutput(), writeErr: (text: string) => void written.push(text) };
  for (const command of [program, ...program.commands]) command.configureOutput(output);
  await expect(program.parseAsync(["scratch", "--no-witness"], { from: "user" })).rejects.toThrow("unknown option");
  expect(written.join("")).toContain("error: unknown option '--no-witness'\n(Did you mean --no-loader-check?)\n");
});
