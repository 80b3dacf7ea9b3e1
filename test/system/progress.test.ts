import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { bytesMoved } from "../../src/system/progress.ts";
import { type Command, CommandFailure } from "../../src/system/run.ts";
import { run } from "../support/run.ts";

const shell = (script: string): Command => ["sh", "-c", script];

/** How a command ends that may make no progress for this long; "done" if it is not ended. */
async function endOf(command: Command, stallLimit: number) {
  try {
    await run(command, { stallLimit });
    return "done";
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return { stalled: error.stalled, complaint: error.complaint };
  }
}

describe("a command with a limit for making no progress", () => {
  it.concurrent.each([
    ["that does nothing", "exec sleep 60"],
    ["whose child does nothing", "sleep 60 & trap 'kill $!' TERM; wait"],
    ["that complains and then does nothing", "echo 'Error: later' >&2; exec sleep 60"],
    [
      "that writes a byte now and then",
      `exec '${process.execPath}' -e 'setInterval(() => process.stdout.write("x"), 50)'`,
    ],
  ])("%s is ended", async (_, script) => {
    const started = performance.now();
    expect(await endOf(shell(script), 1000)).toEqual({ stalled: true, complaint: "no progress for 1 s" });
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it.concurrent.each([
    ["writes", "for i in 1 2 3 4 5 6 7 8 9; do head -c 10000 /dev/zero | cat > /dev/null; sleep 0.3; done"],
    ["reads", "exec 3< /dev/zero; for i in 1 2 3 4 5 6 7 8 9; do head -c 10000 <&3 > /dev/null; sleep 0.3; done"],
    [
      "has a child that writes",
      "(for i in 1 2 3 4 5 6 7 8 9; do head -c 10000 /dev/zero; sleep 0.3; done) > /dev/null; true",
    ],
  ])("that %s steadily is not", async (_, script) => {
    expect(await endOf(shell(script), 2000)).toBe("done");
  });

  it("that sends to one who does not read is ended, however much the kernel takes meanwhile", async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const send = `require("net").connect(${port}, "127.0.0.1").write(Buffer.alloc(50_000_000))`;
    expect(await endOf([process.execPath, "-e", send], 1000)).toMatchObject({ stalled: true });
    server.close();
  });

  it("that fails by itself fails in its own words", async () => {
    expect(await endOf(shell("echo no >&2; exit 3"), 60_000)).toEqual({ stalled: false, complaint: "no" });
  });
});

describe("the bytes that a process has moved", () => {
  it("are its own and those of its descendants, living and dead", async () => {
    const script =
      "head -c 100000 /dev/zero > /dev/null; (head -c 200000 /dev/zero; exec sleep 60) > /dev/null & echo; wait";
    const child = spawn("sh", ["-c", script], { detached: true });
    await once(child.stdout, "data");
    await expect.poll(() => bytesMoved(child.pid!), { timeout: 10_000 }).toBeGreaterThan(600_000);
    process.kill(-child.pid!);
    await once(child, "exit");
    expect(bytesMoved(child.pid!)).toBe(0);
  });
});
