import { chmodSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseShebang, programOfEnv } from "../../src/elf/shebang.ts";
import { hostLoader, rules, type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";

describe("#! lines", () => {
  test.each([
    ["an interpreter alone", "#!/bin/sh\n", { interpreter: "/bin/sh" }],
    ["white space around it", "#! \t/bin/sh \t\nrest", { interpreter: "/bin/sh" }],
    ["everything behind it is one argument", "#!/bin/awk -f  x y\n", { interpreter: "/bin/awk", argument: "-f  x y" }],
    ["no newline", "#!/bin/sh -e", { interpreter: "/bin/sh", argument: "-e" }],
    ["nothing behind #!", "#!\n", undefined],
    ["no script", "plain text", undefined],
  ])("%s", (_, text, expected) => expect(parseShebang(Buffer.from(text))).toEqual(expected));

  test.each([
    ["env X", "/usr/bin/env python3", "python3"],
    ["env with options and assignments needs -S", "/usr/bin/env -S A=1 -i perl -w", "perl"],
    ["env --split-string", "/bin/env --split-string=node --no-warnings", "node"],
    ["another interpreter", "/bin/sh -e", undefined],
    ["env without a program", "/usr/bin/env", undefined],
  ])("%s", (_, line, expected) => {
    const shebang = parseShebang(Buffer.from(`#!${line}\n`));
    expect(shebang && programOfEnv(shebang)).toBe(expected);
  });
});

describe("a script's closure", () => {
  let world: TinyWorld;
  beforeEach(() => {
    world = tinyWorld();
    world.library("/lib/libone.so").program("/bin/sh", { needs: ["/lib/libone.so"] });
  });
  afterEach(() => world[Symbol.dispose]());

  function script(file: string, text: string): void {
    world.file(file, text);
    chmodSync(world.root + file, 0o755);
  }

  test("has the interpreter and what that loads", () => {
    script("/bin/run", "#!/bin/sh -e\n");
    const closure = world.closure("/bin/run");
    expect(closure).toMatchObject({ kind: "script", interpreter: "/bin/sh", missing: [] });
    expect(rules(closure)).toEqual(["/bin/sh  script", "/lib/libone.so  default"]);
    expect(closure.files.map((file) => file.path)).toContain(hostLoader);
  });

  test("of `env X` has X, too, from the default PATH", () => {
    world.program("/usr/bin/env").program("/usr/local/bin/tool", { needs: ["/lib/libone.so"] });
    script("/bin/run", "#!/usr/bin/env tool\n");
    expect(rules(world.closure("/bin/run"))).toEqual([
      "/usr/bin/env  script",
      "/usr/local/bin/tool  script",
      "/lib/libone.so  default",
    ]);
  });

  test("lacks what is not there under the name it was asked by", () => {
    world.program("/usr/bin/env");
    script("/bin/run", "#!/usr/bin/env nothing\n");
    script("/bin/other", "#!/bin/gone\n");
    expect(world.closure("/bin/run").missing).toEqual([{ soname: "nothing", requiredBy: ["/bin/run"] }]);
    expect(world.closure("/bin/other").missing).toEqual([{ soname: "/bin/gone", requiredBy: ["/bin/other"] }]);
  });

  test("goes through an interpreter that is a script", () => {
    script("/bin/inner", "#!/bin/sh\n");
    script("/bin/outer", "#!/bin/inner\n");
    expect(rules(world.closure("/bin/outer"))).toEqual([
      "/bin/inner  script",
      "/bin/sh  script",
      "/lib/libone.so  default",
    ]);
  });

  test("of a script that interprets itself ends in a sentence", () => {
    script("/bin/self", "#!/bin/self\n");
    expect(world.closure("/bin/self").missing[0]?.because).toBe("scripts are interpreted by scripts too many times");
  });
});
