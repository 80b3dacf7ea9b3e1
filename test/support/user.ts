import { randomBytes } from "node:crypto";
import { cp, mkdir, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "../../src/system/run.ts";
import { projectDirectory } from "./cli.ts";
import { run } from "./run.ts";

/** Somebody without privileges, with a home and subordinate ids, as `useradd` makes them. */
export interface User extends AsyncDisposable {
  readonly name: string;
  readonly home: string;
  /** A command line as it runs in this person's session: their ids, their environment, nothing of ours. */
  as(command: readonly string[]): Command;
  /** Copies the built program into their home, because the project may lie where they cannot read, and returns its path. */
  installProgram(): Promise<string>;
}

/** Makes an ordinary user. Needs root. */
export async function createUser(): Promise<User> {
  const name = `builder-${randomBytes(3).toString("hex")}`;
  await run(["useradd", "--create-home", "--shell", "/bin/sh", name]);
  const [, , , , , home = ""] = (await run(["getent", "passwd", name])).split(":");
  const runtime = path.join(home, "run");
  const as = (command: readonly string[]): Command => [
    ...(["setpriv", "--reuid", name, "--regid", name, "--init-groups", "env", "--ignore-environment"] as const),
    ...[
      `PATH=${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      `HOME=${home}`,
      `USER=${name}`,
      `LOGNAME=${name}`,
      `XDG_RUNTIME_DIR=${runtime}`,
    ],
    ...[`TMPDIR=${home}/tmp`, ...command],
  ];
  await run(as(["mkdir", "-m", "0700", runtime, path.join(home, "tmp")]), { cwd: home });
  return {
    name,
    home,
    as,
    installProgram: async () => {
      const program = path.join(home, "program");
      await mkdir(program);
      for (const part of ["dist", "recipes", "package.json"]) {
        await cp(path.join(projectDirectory, part), path.join(program, part), { recursive: true });
      }
      await run(["chown", "-R", `${name}:`, program]);
      return path.join(program, "dist/main.js");
    },
    [Symbol.asyncDispose]: async () => {
      await endProcessesOf(Number(await run(["id", "--user", name])));
      // Files of the subordinate ids in their home are removed with it.
      await run(["userdel", "--remove", name]);
    },
  };
}

/** Rootless tools may leave a process behind that holds their namespaces; a killed one is there until its parent has heard of it. */
async function endProcessesOf(uid: number): Promise<void> {
  for (
    let left = await processesOf(uid), tries = 0;
    left.length > 0 && tries < 200;
    left = await processesOf(uid), tries++
  ) {
    for (const pid of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    await sleep(10);
  }
}

async function processesOf(uid: number): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const owners = await Promise.all(
    pids.map((pid) =>
      stat(path.join("/proc", pid)).then(
        (stats) => stats.uid,
        () => undefined,
      ),
    ),
  );
  return pids.filter((_, index) => owners[index] === uid).map(Number);
}
