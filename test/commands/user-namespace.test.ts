import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { inUserNamespace, ranInUserNamespace } from "../../src/commands/user-namespace.ts";
import type { CommandContext } from "../../src/system/context.ts";
import { type Command, CommandFailure, type Run } from "../../src/system/run.ts";
import { recordingRun } from "../support/run.ts";

beforeEach(() => {
  vi.spyOn(process, "getuid").mockReturnValue(1000);
});
afterEach(() => vi.restoreAllMocks());

const contextOf = (run: Run) => {
  const relayed: string[] = [];
  const codes: number[] = [];
  const context = { run, relay: (text: string) => relayed.push(text), setExitCode: (code: number) => codes.push(code) };
  return { context: context as unknown as CommandContext, relayed, codes };
};
const failing =
  (stderr: string, isTried: (command: Command) => boolean): Run =>
  async (command) => {
    if (isTried(command)) throw new CommandFailure(command, { reason: "exit code 1", exitCode: 1, stderr });
    return "";
  };
const isTrial = (command: Command) => command.join(" ") === "podman unshare true";

it("root runs where it is", async () => {
  vi.spyOn(process, "getuid").mockReturnValue(0);
  const { run, calls } = recordingRun();
  expect(await ranInUserNamespace(contextOf(run).context)).toBe(false);
  expect(calls).toEqual([]);
});

it("an ordinary user's namespace is tried before anything of podman's is shown", async () => {
  const { run, calls } = recordingRun((command) => (isTrial(command) ? undefined : "ok"));
  const { context, relayed } = contextOf(run);
  expect(await ranInUserNamespace(context)).toBe(true);
  expect(calls.map(({ command }) => command)).toEqual([
    ["podman", "unshare", "true"],
    inUserNamespace(process.argv.slice(2)),
  ]);
  expect(calls.map(({ options }) => options?.showsStderr ?? false)).toEqual([false, true]);
  expect(relayed).toEqual(["ok"]);
});

it.each([
  [
    'time="T" level=error msg="exec: \\"newuidmap\\": executable file not found in $PATH"',
    "newuidmap is not installed",
  ],
  ["Error during unshare(...): Operation not permitted", "no user namespace can be made (unshare)"],
])("%s is a sentence", async (stderr, cause) => {
  await expect(ranInUserNamespace(contextOf(failing(stderr, isTrial)).context)).rejects.toThrow(
    `cannot use the containers store: ${cause}`,
  );
});

it("what nobody knows follows a sentence", async () => {
  await expect(ranInUserNamespace(contextOf(failing("x\nError: odd", isTrial)).context)).rejects.toThrow(
    "cannot make a user namespace: Error: odd",
  );
});

it("what has printed its own error inside fails with code 1", async () => {
  const { context, codes } = contextOf(failing("", (command) => !isTrial(command)));
  expect(await ranInUserNamespace(context)).toBe(true);
  expect(codes).toEqual([1]);
});
