import { rmSync } from "node:fs";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addClosureCommand } from "../../src/commands/closure.ts";
import type { CommandContext } from "../../src/system/context.ts";
import { Failure } from "../../src/system/errors.ts";
import { silent } from "../../src/system/log.ts";
import { hostLoader, type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";

let world: TinyWorld;
beforeEach(() => {
  world = tinyWorld();
  world.library("/lib/libdeep.so.1").library("/lib/libone.so", { needs: ["/lib/libdeep.so.1"] });
  world.program("/usr/sbin/prog", { needs: ["/lib/libone.so"] });
});
afterEach(() => world[Symbol.dispose]());

/** Runs the verb as cli.ts would; `exitCode` as main.ts would set it. */
async function closure(...args: readonly string[]): Promise<{ stdout: string; exitCode: number; error: string }> {
  const printed: string[] = [];
  let exitCode = 0;
  let error = "";
  const context: CommandContext = {
    log: silent,
    run: () => Promise.reject(new Error("nothing may be executed")),
    print: (text) => void printed.push(text),
    printJson: (value) => void printed.push(JSON.stringify(value)),
    relay: (text) => void printed.push(text),
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addClosureCommand(program.command("closure"), context);
  try {
    await program.parseAsync(["closure", ...args], { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    error = thrown.message;
    exitCode = thrown.kind === "usage" ? 2 : 1;
  }
  return { stdout: printed.join("\n"), exitCode, error };
}

describe("a name without a slash", () => {
  test("is looked up where programs are, if there is no such file", async () => {
    const { stdout } = await closure("--json", "--root", world.root, "prog");
    expect(JSON.parse(stdout).closures[0].binary).toBe("/usr/sbin/prog");
    expect((await closure("--root", world.root, "none")).error).toBe("cannot resolve '/none': there is no such file");
  });

  test("is a file of the directory first", async () => {
    world.program("/prog", {});
    const { stdout } = await closure("--json", "--root", world.root, "prog");
    expect(JSON.parse(stdout).closures[0].binary).toBe("/prog");
  });
});

describe("closure --json", () => {
  test("has the shape that is promised, and exit code 0", async () => {
    const { stdout, exitCode } = await closure("--json", "--root", world.root, "/usr/sbin/prog");
    expect(JSON.parse(stdout)).toEqual({
      closures: [
        {
          binary: "/usr/sbin/prog",
          kind: "dynamic",
          interpreter: hostLoader,
          files: [
            { path: hostLoader, soname: expect.any(String), requiredBy: ["/usr/sbin/prog"], foundBy: "interpreter" },
            { path: "/lib/libone.so", soname: "libone.so", requiredBy: ["/usr/sbin/prog"], foundBy: "default" },
            { path: "/lib/libdeep.so.1", soname: "libdeep.so.1", requiredBy: ["/lib/libone.so"], foundBy: "default" },
          ],
          missing: [],
        },
      ],
    });
    expect(exitCode).toBe(0);
  });

  test("names every requirer of what is missing, and exit code 1", async () => {
    world.library("/lib/libdeep.so.1", { needs: [] }).library("/stub/libgone.so");
    world.library("/lib/libone.so", { needs: ["/stub/libgone.so"] });
    world.program("/usr/sbin/prog", { needs: ["/lib/libone.so", "/stub/libgone.so"] });
    const { stdout, exitCode } = await closure("--json", "--root", world.root, "/usr/sbin/prog");
    expect(JSON.parse(stdout).closures[0].missing).toEqual([
      { soname: "libgone.so", requiredBy: ["/usr/sbin/prog", "/lib/libone.so"] },
    ]);
    expect(exitCode).toBe(1);
  });

  test("answers for several files, in their order, each under the name it was asked by", async () => {
    world.link("/usr/bin/prog", "../sbin/prog");
    const { stdout } = await closure("--json", "--root", world.root, "/lib/libone.so", "usr/bin/prog");
    const { closures } = JSON.parse(stdout);
    expect(closures.map((each: { binary: string }) => each.binary)).toEqual(["/lib/libone.so", "/usr/bin/prog"]);
    expect(closures[1].files[0].requiredBy).toEqual(["/usr/bin/prog"]);
  });

  test("understands a path through the directory itself", async () => {
    const { stdout } = await closure("--json", "--root", world.root, `${world.root}/usr/sbin/prog`);
    expect(JSON.parse(stdout).closures[0].binary).toBe("/usr/sbin/prog");
  });
});

describe("what is no program", () => {
  test("is a sentence and exit code 2; the others are answered all the same", async () => {
    world.file("/etc/passwd", "root:x:0:0::/:/bin/sh\n").file("/empty", "");
    const { stdout, exitCode, error } = await closure(
      "--json",
      "--root",
      world.root,
      "/etc/passwd",
      "/lib/libone.so",
      "/gone",
      "/empty",
      "/etc",
    );
    expect(error.split("\n")).toEqual([
      "cannot resolve '/etc/passwd': it is neither an ELF file nor a script",
      "cannot resolve '/gone': there is no such file",
      "cannot resolve '/empty': it is neither an ELF file nor a script",
      "cannot resolve '/etc': it is a directory",
    ]);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout).closures).toHaveLength(1);
  });

  test("an object file and a core are ELF, but no programs", async () => {
    world.program("/obj.o", { flags: ["-c", "-no-pie"] });
    expect(await closure("--root", world.root, "/obj.o")).toMatchObject({
      exitCode: 2,
      error: "cannot resolve '/obj.o': it is an ELF file of type relocatable",
    });
  });

  test("a root that is not there", async () => {
    expect(await closure("--root", "/no/such/root", "/bin/sh")).toMatchObject({
      exitCode: 2,
      error: "cannot use '/no/such/root' as a root: no such directory",
    });
  });
});

describe("for people", () => {
  test("a tree with the rule and the size of each file", async () => {
    const { stdout } = await closure("--root", world.root, "/usr/sbin/prog");
    expect(stdout.replace(/\d+ KiB/g, "N KiB")).toBe(
      [
        "/usr/sbin/prog (dynamic)",
        `├── ${hostLoader} (interpreter, N KiB)`,
        "└── /lib/libone.so (default, N KiB)",
        "    └── /lib/libdeep.so.1 (default, N KiB)",
      ].join("\n"),
    );
  });

  test("--why: each way from the program to a library", async () => {
    const { stdout, exitCode } = await closure("--why", "libdeep.so.1", "--root", world.root, "/usr/sbin/prog");
    expect(stdout).toBe("/usr/sbin/prog -> /lib/libone.so (default) -> /lib/libdeep.so.1 (default)");
    expect(exitCode).toBe(0);
  });

  test("the package of each file, where dpkg has records in the root", async () => {
    world.link("/usr/lib", "../lib").file("/var/lib/dpkg/info/libdeep1:amd64.list", "/.\n/lib\n/lib/libdeep.so.1\n");
    const { stdout } = await closure("--root", world.root, "/usr/sbin/prog");
    expect(stdout).toMatch(/ {4}└── \/lib\/libdeep\.so\.1 \(default, libdeep1, \d+ KiB\)$/);
  });

  test("several roots, names with spaces, each answer under its root", async () => {
    using other = tinyWorld();
    world.program("/opt/my prog");
    other.program("/opt/my prog");
    const roots = ["--root", world.root, "--root", other.root];
    const { stdout } = await closure(...roots, "/opt/my prog");
    expect(stdout.split("\n").filter((line) => !line.includes("──"))).toEqual([
      ...[`${world.root}:`, "/opt/my prog (dynamic)", `${other.root}:`, "/opt/my prog (dynamic)"],
    ]);
    const { closures } = JSON.parse((await closure("--json", ...roots, "/opt/my prog")).stdout);
    expect(closures.map((each: { root: string }) => each.root)).toEqual([world.root, other.root]);
  });

  test("thousands of files in one call", async () => {
    const files = Array.from({ length: 5000 }, (_, index) => (index % 2 === 0 ? "/usr/sbin/prog" : "/lib/libone.so"));
    const { stdout, exitCode } = await closure("--json", "--root", world.root, ...files);
    expect(JSON.parse(stdout).closures).toHaveLength(5000);
    expect(exitCode).toBe(0);
  });

  test("--why of what is missing: each way to it", async () => {
    world.library("/stub/libgone.so").library("/lib/libdeep.so.1", { needs: ["/stub/libgone.so"] });
    rmSync(`${world.root}/stub`, { recursive: true });
    const { stdout } = await closure("--why", "libgone.so", "--root", world.root, "/usr/sbin/prog");
    expect(stdout).toBe(
      "/usr/sbin/prog -> /lib/libone.so (default) -> /lib/libdeep.so.1 (default) -> libgone.so (missing)",
    );
  });

  test("--why of what is not there is exit code 1", async () => {
    expect(await closure("--why", "libnot.so", "--root", world.root, "/usr/sbin/prog")).toMatchObject({
      stdout: "",
      exitCode: 1,
    });
  });
});
