import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dhcpdBuild, type Ended } from "../support/cli.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

/** Runs the program as a shell does after these commands. */
const under = (commands: string) => ["bash", "-c", `${commands}; exec "$0" "$@"`] as const;
const refusal = (sentence: RegExp, { stderr, exitCode }: Ended, code = 1) => {
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toMatch(/^ +at |this is a bug|file:\/\//m);
  expect(exitCode).toBe(code);
};

describe("where little is allowed", () => {
  const home = mkdtempSync(path.join(tmpdir(), "limits-"));
  afterAll(() => rmSync(home, { recursive: true }));

  it.each([
    [
      "a full stdout",
      ["plan", "scratch"],
      "exec > /dev/full",
      /^error: cannot write the result to stdout: no space left on device$/m,
    ],
    ["a full stdout for a long result", ["schema"], "exec > /dev/full", /^error: cannot write the result to stdout: /m],
  ])("%s is a failure in a sentence", async (_, args, commands, sentence) => {
    refusal(sentence, await dhcpdBuild(args, { through: under(commands) }));
  });

  it("a full or closed stderr does not change how it ends", async () => {
    for (const commands of ["exec 2> /dev/full", "exec 2>&-"]) {
      const { exitCode } = await dhcpdBuild(["plan", "scratch", "--recipe", "/nowhere.yaml"], {
        through: under(commands),
      });
      expect(exitCode).toBe(2);
    }
  });

  it("a reader that leaves is no failure", async () => {
    const { exitCode, stderr } = await dhcpdBuild(["schema"], {
      through: ["bash", "-c", 'set -o pipefail; "$0" "$@" | head -c 10 > /dev/null'],
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  it.each([["/proc/nope"], ["/proc/self/nope/deep"], ["/dev/null/cache"]])(
    "a cache in %s ends at once, in a sentence",
    async (cache) => {
      const through = ["timeout", "--signal=KILL", "60"];
      refusal(
        /^error: cannot use the cache directory /m,
        await dhcpdBuild(["scratch"], { env: { XDG_CACHE_HOME: cache }, through }),
      );
    },
  );

  it.each([
    [
      "HOME is empty",
      { HOME: "", XDG_CACHE_HOME: undefined },
      /^error: cannot find the cache directory: HOME is not set\nhint: /m,
    ],
    ["HOME is relative", { HOME: "home", XDG_CACHE_HOME: undefined }, /HOME is not an absolute path\nhint: /m],
    [
      "the cache has a quotation mark",
      { XDG_CACHE_HOME: path.join(home, 'a"b') },
      /a"b\/dhcpd-build: its path has a quotation mark/,
    ],
    [
      "the cache has a line break",
      { XDG_CACHE_HOME: path.join(home, "a\nb") },
      /or a control character\nhint: set XDG_CACHE_HOME/,
    ],
  ])("a sentence where %s", async (_, env, sentence) => {
    refusal(sentence, await dhcpdBuild(["scratch"], { env, cwd: home }));
    expect(await readdir(home)).toEqual([]);
  });

  it("few open files are a sentence or enough", async () => {
    for (const count of [20, 22, 24, 26, 28, 30]) {
      const ended = await dhcpdBuild(["plan", "scratch"], { through: under(`ulimit -n ${count}`) });
      if (ended.exitCode !== 0) refusal(/^error: .*too many open files$/m, ended);
    }
  });

  it("a name of any length or kind is harmless in a sentence", async () => {
    const { stderr } = await dhcpdBuild([
      "plan",
      "scratch",
      "--recipe",
      `./${"x".repeat(100_000)}\u001b[31m\u202e\nerror: y.yaml`,
    ]);
    expect(stderr.length).toBeLessThan(12_000);
    expect(stderr).not.toMatch(/[\u001b\u202e]/);
    const unknown = await dhcpdBuild(["\u001b[31m"]);
    expect(unknown.stderr).not.toContain("\u001b");
    expect(unknown.exitCode).toBe(2);
  });
});

describe.runIf(requireTools("buildah", "apt-get", "dpkg-deb", "root"))("a build where little is allowed", () => {
  let workshop: Workshop;
  beforeAll(async () => {
    workshop = await createWorkshop();
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  it("makes nothing that everybody may write", async () => {
    const { exitCode, stderr } = await workshop.run(["scratch", "--arch", "x86_64"], { through: under("umask 000") });
    expect({ exitCode, stderr: stderr.includes("error:") }).toEqual({ exitCode: 0, stderr: false });
    const names = ["", ...(await readdir(workshop.cache, { recursive: true }))];
    const open = await Promise.all(
      names.map(async (name) => ((await stat(path.join(workshop.cache, name))).mode & 0o022) !== 0 && name),
    );
    expect(open.filter((name) => name !== false)).toEqual([]);
  });

  it.each([
    ["ulimit -n 24"],
    ["ulimit -n 32"],
    ["ulimit -n 40"],
    ["ulimit -n 64"],
    ["ulimit -f 0"],
    ["ulimit -f 100"],
    ["ulimit -f 1000"],
  ])("is one image or one sentence, and leaves nothing: %s", async (limit) => {
    const ended = await workshop.run(["scratch", "--arch", "x86_64", "--force"], { through: under(limit) });
    if (ended.exitCode !== 0) refusal(/^error: cannot /m, ended);
    expect(await workshop.leftovers()).toEqual([]);
    expect(existsSync(path.join(workshop.cache, "apt"))).toBe(true);
  });
});
