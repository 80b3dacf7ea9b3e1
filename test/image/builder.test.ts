import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Buildah } from "../../src/image/buildah.ts";
import { openPackageHost } from "../../src/image/builder.ts";
import { arches, hostArch } from "../../src/system/arch.ts";
import { type Command, CommandFailure, type Run } from "../../src/system/run.ts";
import { run as realRun } from "../support/run.ts";

let shared: string;
beforeAll(async () => {
  shared = await mkdtemp(path.join(tmpdir(), "builder-"));
});
afterAll(() => rm(shared, { recursive: true }));

const described = JSON.stringify({
  FromImageID: "ab12",
  FromImageDigest: "sha256:cd",
  Config: JSON.stringify({ architecture: arches[hostArch() ?? "x86_64"].oci }),
  Manifest: "{}",
});

/** A buildah with the builder image in its store; what is run in the container is run on this machine, after `before`. */
function fakeBuildah(before: (words: readonly string[]) => Promise<void> = async () => {}) {
  const commands: Command[] = [];
  const run: Run = async (command) => {
    commands.push(command);
    if (command[1] === "inspect") return described;
    if (command[1] !== "run") return "";
    const inside = command.slice(command.indexOf("--") + 1);
    await before(inside);
    return realRun(inside as unknown as Command);
  };
  return { buildah: new Buildah(run), run, subcommands: () => commands.map((command) => command[1]), commands };
}

const say = (words: string, code = 0): Command => ["sh", "-c", `echo ${words}; exit ${code}`];

describe("a builder's container", () => {
  it("is not made for nothing: the image's ID is known without it", async () => {
    const { subcommands, ...tools } = fakeBuildah();
    {
      await using place = await openPackageHost("localhost/builder:1", shared, tools);
      expect(place.identity).toBe("sha256:ab12");
    }
    expect(subcommands()).toEqual(["inspect"]);
  });

  it("is one for all commands, one after another, and removed after the last of them, whatever became of the others", async () => {
    const order = path.join(shared, "order");
    const { subcommands, ...tools } = fakeBuildah();
    const use = async () => {
      await using place = await openPackageHost("localhost/builder:1", shared, tools);
      const note = (name: string, more: string) => place.run(["sh", "-c", `${more} echo ${name} >> ${order}`]);
      await Promise.all([note("slow", "sleep 0.1;"), note("bad", "exit 3;"), note("last", "")]);
    };
    await expect(use()).rejects.toThrow("exit code 3 inside the container");
    expect(await readFile(order, "utf8")).toBe("slow\nlast\n");
    expect(subcommands()).toEqual(["inspect", "inspect", "from", "run", "run", "run", "rm"]);
    await rm(order);
  });

  it("is started once for commands that do not need each other, whatever becomes of one", async () => {
    const { subcommands, ...tools } = fakeBuildah();
    await using place = await openPackageHost("localhost/builder:1", shared, tools);
    const outcomes = await place.all([say("one"), say("two", 4), ["missing-program", "x"], say("'  three'")]);
    expect(outcomes).toEqual([
      "one",
      expect.objectContaining({ command: say("two", 4), exitCode: 4, stdout: "two", notFound: false }),
      expect.objectContaining({ command: ["missing-program", "x"], notFound: true }),
      "  three",
    ]);
    expect(subcommands().filter((name) => name === "run")).toHaveLength(1);
    expect(await readdir(shared)).toEqual([]);
  });

  it("is started once for a series, which ends with the first that fails and may not", async () => {
    const { subcommands, ...tools } = fakeBuildah();
    await using place = await openPackageHost("localhost/builder:1", shared, tools);
    const outcomes = await place.series([
      { command: say("one", 1), mayFail: true },
      { command: ["printf", "%s|", "a b", "", "$0", "*", "new\nline", "may", "2"] },
      { command: say("three", 3) },
      { command: ["touch", path.join(shared, "never")] },
    ]);
    expect(outcomes).toEqual([
      expect.objectContaining({ exitCode: 1, stdout: "one" }),
      "a b||$0|*|new\nline|may|2|",
      expect.objectContaining({ exitCode: 3 }),
    ]);
    expect(subcommands().filter((name) => name === "run")).toHaveLength(1);
    expect(await readdir(shared)).toEqual([]);
  });

  it("takes a series of many long commands", async () => {
    const tools = fakeBuildah();
    await using place = await openPackageHost("localhost/builder:1", shared, tools);
    const files = Array.from({ length: 400 }, (_, index) => `/nowhere/${index}/${"x".repeat(60)}`);
    const outcomes = await place.series(Array.from({ length: 4 }, () => ({ command: ["echo", ...files] as const })));
    expect(outcomes).toEqual(Array.from({ length: 4 }, () => files.join(" ")));
  });

  it("is there without a builder, too: this host", async () => {
    const { run, buildah, commands } = fakeBuildah();
    await using place = await openPackageHost(undefined, shared, { run, buildah });
    await place.run(["dnf"]);
    await place.all([["rpm"], ["cat"]]);
    expect(place.identity).toBeUndefined();
    expect(commands).toEqual([["dnf"], ["rpm"], ["cat"]]);
  });
});

describe("what a command prints in a container", () => {
  it("comes whole, by files and not by a pipe, and the files are gone", async () => {
    const tools = fakeBuildah();
    await using place = await openPackageHost("localhost/builder:1", shared, tools);
    const print: Command = ["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo"];
    expect(await place.run(print, { cwd: "/tmp", env: { A: "b" } })).toBe("x".repeat(3_000_000));
    expect(tools.commands.find((command) => command[1] === "run")?.join(" ")).toMatch(
      new RegExp(
        `--volume ${shared}:${shared} --env LC_ALL=C --env A=b --env DHCPD_BUILD_RUN=\\S+ --workingdir /tmp \\S+ -- sh -c start`,
      ),
    );
    expect(await readdir(shared)).toEqual([]);
  });

  it("can become a file, byte for byte", async () => {
    const tools = fakeBuildah();
    await using place = await openPackageHost("localhost/builder:1", shared, tools);
    const file = path.join(shared, "tar");
    await place.run(["printf", "\\000\\377\\n\\n"], { stdoutFile: file });
    expect(await readFile(file)).toEqual(Buffer.from([0, 255, 10, 10]));
    await rm(file);
  });

  it("is told when the command fails; a program that is not there is told apart", async () => {
    const tools = fakeBuildah();
    await using place = await openPackageHost("localhost/builder:1", shared, tools);
    await expect(place.run(["sh", "-c", "echo Error: no mirror >&2; exit 3"])).rejects.toMatchObject({
      exitCode: 3,
      stderr: "Error: no mirror",
      notFound: false,
    });
    await expect(place.run(["missing-program"])).rejects.toMatchObject({
      command: ["missing-program"],
      notFound: true,
    });
  });

  it("is told of every command where the container has no shell", async () => {
    const stderr = 'error running container: exec: "sh": executable file not found in $PATH';
    const tools = fakeBuildah(async () => {
      throw new CommandFailure(["buildah"], { exitCode: 1, stderr, reason: "exit code 1" });
    });
    await using place = await openPackageHost("localhost/builder:1", shared, tools);
    expect(await place.all([["dnf5"], ["dnf"]])).toEqual([
      expect.objectContaining({ command: ["dnf5"], notFound: true }),
      expect.objectContaining({ command: ["dnf"], notFound: true }),
    ]);
  });
});
