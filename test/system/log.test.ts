import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const directory = mkdtempSync(path.join(tmpdir(), "log-test-"));
const program = path.join(directory, "program.cjs");
afterAll(() => rmSync(directory, { recursive: true }));

// The logger writes to the process's own stderr: it is looked at from outside.
beforeAll(async () => {
  await build({
    stdin: {
      contents: `import { createLog } from "./log.ts";
        const log = createLog({ level: process.argv[2], format: process.argv[3] });
        log.error({ hint: "do this" }, "cannot do it: why");
        log.warn("beware");
        log.info("doing it");
        log.debug({ command: ["true"] }, "true");
        log.trace("done");
        if (process.argv[4]) log.error({ hint: process.argv[4] }, "cannot do it: " + process.argv[4]);`,
      resolveDir: path.resolve(import.meta.dirname, "../../src/system"),
    },
    bundle: true,
    platform: "node",
    format: "cjs",
    outfile: program,
  });
});

const logged = (level: string, format: string, ...foreign: readonly string[]) => {
  const { stdout, stderr } = spawnSync(process.execPath, [program, level, format, ...foreign], { encoding: "utf8" });
  expect(stdout).toBe("");
  return stderr;
};

describe("the log", () => {
  it("is sentences for people", () => {
    expect(logged("info", "text")).toBe("error: cannot do it: why\nhint: do this\nwarning: beware\ndoing it\n");
  });

  it("shows every command when asked to", () => {
    expect(logged("debug", "text")).toContain("doing it\n+ true\n");
  });

  it("is quiet when asked to", () => {
    expect(logged("warn", "text")).toBe("error: cannot do it: why\nhint: do this\nwarning: beware\n");
  });

  it("is harmless to a terminal", () => {
    expect(logged("warn", "text", "\u001b[2J\u202e")).toMatch(
      /error: cannot do it: \\x1b\[2J\\u202e\nhint: \\x1b\[2J\\u202e\n$/,
    );
    expect(logged("warn", "text", "x".repeat(100_000)).length).toBeLessThan(40_000);
  });

  it("goes on where nobody takes it", () => {
    const { status, signal } = spawnSync("sh", [
      "-c",
      `exec "$0" "$@" 2> /dev/full`,
      process.execPath,
      program,
      "info",
      "text",
    ]);
    expect({ status, signal }).toEqual({ status: 0, signal: null });
  });

  it("gives machines the text as it is", () => {
    const [record = ""] = logged("warn", "json", "\u001b[2J\u202e").trimEnd().split("\n").slice(-1);
    expect(JSON.parse(record)).toMatchObject({ msg: "cannot do it: \u001b[2J\u202e" });
  });

  it("is one JSON object per line for machines", () => {
    const records = logged("debug", "json")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      "error cannot do it: why",
      "warn beware",
      "info doing it",
      "debug true",
    ]);
    expect(records[0]).toMatchObject({ hint: "do this", time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) });
    expect(records[3].command).toEqual(["true"]);
  });
});
