import { describe, expect, it } from "vitest";
import { hostPlace, printedBy } from "../../src/system/place.ts";
import { type Command, CommandFailure, type Run } from "../../src/system/run.ts";

const failed = (command: Command) => new CommandFailure(command, { exitCode: 1, reason: "exit code 1" });

describe("this host as a place", () => {
  /** `bad` fails; each command waits for the others that are there. */
  function host() {
    const begun: string[] = [];
    const run: Run = async (command) => {
      begun.push(command[0]);
      await new Promise((resolve) => setImmediate(resolve));
      if (command[0] === "bad") throw failed(command);
      if (command[0] === "bug") throw new TypeError("a bug");
      return `${command[0]} after ${begun.length}`;
    };
    return hostPlace(run);
  }

  it("runs commands that do not need each other side by side", async () => {
    const outcomes = await host().all([["one"], ["bad"], ["two"]]);
    expect(outcomes).toEqual(["one after 3", failed(["bad"]), "two after 3"]);
  });

  it("runs a series one after another, up to the first that fails and may not", async () => {
    const outcomes = await host().series([
      { command: ["one"] },
      { command: ["bad"], mayFail: true },
      { command: ["two"] },
      { command: ["bad"] },
      { command: ["three"] },
    ]);
    expect(outcomes).toEqual(["one after 1", failed(["bad"]), "two after 3", failed(["bad"])]);
  });

  it("takes nothing but a command's failure for an outcome", async () => {
    await expect(host().all([["bug"]])).rejects.toThrow("a bug");
  });
});

it("what a command printed is its outcome, or its failure is thrown", () => {
  expect(printedBy("text")).toBe("text");
  expect(() => printedBy(failed(["bad"]))).toThrow("exit code 1");
  expect(() => printedBy(undefined)).toThrow("that did not run");
});
