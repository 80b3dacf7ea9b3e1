import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Interruption } from "../../src/system/errors.ts";
import { silent } from "../../src/system/log.ts";
import { type Command, CommandFailure, createRun, quote } from "../../src/system/run.ts";
import { run } from "../support/run.ts";

const directory = mkdtempSync(path.join(tmpdir(), "run-test-"));
afterAll(() => rmSync(directory, { recursive: true }));

async function failureOf(command: Command): Promise<CommandFailure> {
  const error = await run(command).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof CommandFailure) return error;
  throw new Error(`no CommandFailure: ${String(error)}`);
}

describe("quote", () => {
  it.each<[string, Command, string]>([
    ["plain words stay plain", ["buildah", "add", "--chown=0:0", "a/b.tar", "/"], "buildah add --chown=0:0 a/b.tar /"],
    ["an empty word is seen", ["true", ""], "true ''"],
    ["a quote inside is closed, escaped and opened", ["echo", "it's"], `echo 'it'\\''s'`],
    ["nothing is expanded", ["echo", "$HOME `id` *"], "echo '$HOME `id` *'"],
  ])("%s", (_, command, text) => {
    expect(quote(command)).toBe(text);
  });

  it("a POSIX shell reads back exactly the words", () => {
    const word = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), (words) => {
        const script = `for w in ${quote(["x", ...words])}; do printf '%s\\0' "$w"; done`;
        const back = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(1, -1);
        expect(back).toEqual(words.map((text) => Buffer.from(text).toString()));
      }),
      { numRuns: 40 },
    );
  }, 300_000);
});

describe("run", () => {
  it("returns stdout without its last newline", async () => {
    expect(await run(["printf", "one\ntwo\n"])).toBe("one\ntwo");
  });

  it("speaks English, whatever the person's locale", async () => {
    expect(await run(["sh", "-c", "echo $LC_ALL"], { env: { LANG: "de_DE.UTF-8" } })).toBe("C");
  });

  it("takes a variable away and lays another over", async () => {
    process.env.RUN_TEST_AWAY = "here";
    expect(
      await run(["sh", "-c", "echo [$RUN_TEST_AWAY$RUN_TEST_NEW]"], {
        env: { RUN_TEST_AWAY: undefined, RUN_TEST_NEW: "new" },
      }),
    ).toBe("[new]");
    delete process.env.RUN_TEST_AWAY;
  });

  it("closes stdin, unless there is input for it", async () => {
    expect(await run(["cat"])).toBe("");
    expect(await run(["cat"], { input: "given" })).toBe("given");
  });

  it("writes stdout into a file byte for byte", async () => {
    const file = path.join(directory, "bytes");
    expect(await run(["printf", "\\000\\377\\n"], { stdoutFile: file })).toBe("");
    expect(readFileSync(file)).toEqual(Buffer.from([0, 255, 10]));
  });

  it("runs in the directory it is told to", async () => {
    expect(await run(["pwd"], { cwd: directory })).toBe(directory);
  });

  it("says what failed, how, and the last eight lines of stderr", async () => {
    const failure = await failureOf(["sh", "-c", "seq 1 20 >&2; echo out; exit 7"]);
    expect(failure.message).toBe(
      "cannot run 'sh -c 'seq 1 20 >&2; echo out; exit 7'': exit code 7\n13\n14\n15\n16\n17\n18\n19\n20",
    );
    expect(failure).toMatchObject({ exitCode: 7, stdout: "out", notFound: false });
    expect(failure.stderr.split("\n")).toHaveLength(20);
  });

  it("shows a long command and long lines of stderr short; their whole text is in the error and at --verbose", async () => {
    const value = "x".repeat(100_000);
    const script = 'echo "$1$1 is the cause" >&2; exit 3';
    const failure = await failureOf(["sh", "-c", script, "sh", value, ...Array<string>(200).fill("word")]);
    const [first = "", second = ""] = failure.message.split("\n");
    expect(first).toMatch(/^cannot run 'sh -c 'echo .* sh 'x{20,} \.\.\. x{20,}' word .* word': exit code 3$/);
    expect(second).toMatch(/^x+ \.\.\. x+ is the cause$/);
    expect([first.length < 500, second.length, failure.complaint]).toEqual([true, 399, second]);
    expect(failure.stderr).toContain(value);
    expect(failure.hint).toBe("--verbose prints the whole command");
    expect((await failureOf(["false"])).hint).toBeUndefined();
  });

  it("tells a program that is not installed from one that fails", async () => {
    const failure = await failureOf(["no-such-program-here"]);
    expect(failure).toMatchObject({ notFound: true, exitCode: undefined });
    expect(failure.message).toBe("cannot run 'no-such-program-here': it is not installed");
    expect(failure.hint).toBe("dhcpd-build doctor lists what this host lacks");
    expect((await failureOf(["false"])).notFound).toBe(false);
  });

  it("names the signal that killed a program", async () => {
    expect((await failureOf(["sh", "-c", "kill -KILL $$"])).message).toContain("killed by SIGKILL");
  });
});

describe("an interruption", () => {
  it("ends what runs, within moments, and is thrown as itself", async () => {
    const controller = new AbortController();
    const interrupted = createRun(silent, controller.signal)(["sleep", "30"]);
    setTimeout(() => controller.abort(new Interruption("SIGINT")), 100);
    const started = performance.now();
    await expect(interrupted).rejects.toMatchObject({ name: "Interruption", signal: "SIGINT" });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("starts nothing new but the clean-up", async () => {
    const controller = new AbortController();
    controller.abort(new Interruption("SIGTERM"));
    const runAfterwards = createRun(silent, controller.signal);
    await expect(runAfterwards(["true"])).rejects.toBeInstanceOf(Interruption);
    expect(await runAfterwards(["echo", "removed"], { evenInterrupted: true })).toBe("removed");
  });

  it("leaves a clean-up that already runs alone", async () => {
    const controller = new AbortController();
    const cleanup = createRun(silent, controller.signal)(["sh", "-c", "sleep 0.3; echo done"], {
      evenInterrupted: true,
    });
    controller.abort(new Interruption("SIGINT"));
    expect(await cleanup).toBe("done");
  });
});

it("--verbose prints a line that a shell runs as it is", async () => {
  const lines: string[] = [];
  const log = { ...silent, debug: (_: unknown, line: string) => void lines.push(line) } as typeof silent;
  const verbose = createRun(log, new AbortController().signal);
  const file = path.join(directory, "a file");
  await verbose(["printf", "%s", "it's"], { cwd: directory, env: { A: "1 2", HOME: undefined }, stdoutFile: file });
  expect(lines).toEqual([`cd ${directory} && env -u HOME 'A=1 2' printf %s 'it'\\''s' > '${file}'`]);
  expect(execFileSync("sh", ["-c", lines[0]!], { encoding: "utf8" })).toBe("");
  expect(readFileSync(file, "utf8")).toBe("it's");
});

it("takes stderr into the result when asked to", async () => {
  const script = "echo one; echo two >&2; echo three";
  expect(await run(["sh", "-c", script])).toBe("one\nthree");
  expect((await run(["sh", "-c", script], { takesStderr: true })).split("\n").sort()).toEqual(["one", "three", "two"]);
});
