import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { isUp, outlives } from "../../../src/proof/checks/readiness.ts";
import type { Running } from "../../../src/proof/sandbox/engine.ts";
import { processesBeside, watchProcess } from "../../../src/proof/sandbox/processes.ts";
import { ProgramTime } from "../../../src/proof/sandbox/program-time.ts";
import { requireTools } from "../../support/tools.ts";

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

const bindTo = (port: number) =>
  `require("node:dgram").createSocket("udp4").bind(${port}, "127.0.0.1", () => process.stdout.write("bound"));`;

/** A program of Node; resolves when it has written something. */
async function start(code: string, before: readonly string[] = []): Promise<ChildProcess> {
  const [program = "", ...args] = [...before, process.execPath, "-e", code];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  await once(child.stdout!, "data");
  return child;
}

/** A child as the program of a container, by the number of its first process. */
function runningAs(pid: number, child: ChildProcess): Running {
  const ended = once(child, "exit").then(() => ({ exitCode: 0, output: "" }));
  const isAlive = watchProcess(pid);
  return {
    ended,
    pid: async () => pid,
    life: async () => new ProgramTime(pid),
    isRunning: async () => isAlive(),
    stop: async () => ({ ...(await ended), by: "itself", milliseconds: 0 }),
    [Symbol.asyncDispose]: async () => {},
  };
}

describe.runIf(requireTools("root", "unshare"))("a service in a PID namespace of its own", () => {
  const inNamespace = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const firstProcess = async (child: ChildProcess) => {
    return Number((await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")).trim());
  };

  it("is up when it is bound to its port", async () => {
    const child = await start(bindTo(47_067), inNamespace);
    const pid = await firstProcess(child);
    expect(processesBeside(pid)).toEqual([pid]);
    expect(await isUp(runningAs(pid, child), ["47067/udp"])).toBe(true);
  });

  it("is not up when another process of its network is bound to that port", async () => {
    await start(bindTo(47_068));
    const child = await start(`process.stdout.write("idle"); setInterval(() => {}, 1000);`, inNamespace);
    const running = runningAs(await firstProcess(child), child);
    expect(await isUp(running, ["47068/udp"])).toBe(false);
    expect(await running.isRunning()).toBe(true);
  });
});

it("a program's deadline is over when it has ended", async () => {
  const child = await start(`process.stdout.write("idle"); setTimeout(() => {}, 300);`);
  const running = runningAs(child.pid!, child);
  expect(await outlives(running, 60_000)).toBe(false);
  expect(await outlives(running, 1)).toBe(false);
});

it("what this process sleeps through counts as one look", async () => {
  const time = new ProgramTime();
  const until = performance.now() + 2_000;
  while (performance.now() < until);
  expect(time.elapsed()).toBeLessThan(1_000);
  await sleep(200);
  expect(time.elapsed()).toBeGreaterThan(0);
});
