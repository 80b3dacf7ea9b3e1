import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Buildah } from "../../src/image/buildah.ts";
import { openPlace } from "../../src/image/builder.ts";
import { arches, hostArch } from "../../src/system/arch.ts";
import { type Command, CommandFailure, type Run } from "../../src/system/run.ts";

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

/** A buildah with the builder image in its store; `inside` does what the command in the container would do. */
function fakeBuildah(inside: (printed: string, command: Command) => Promise<void> = async () => {}) {
  const commands: Command[] = [];
  const run: Run = async (command) => {
    commands.push(command);
    if (command[1] === "inspect") return described;
    const script = command.indexOf('exec "$@" > "$0.out" 2> "$0.err"');
    if (script >= 0) await inside(command[script + 1] ?? "", command.slice(script + 2) as unknown as Command);
    return "";
  };
  return { buildah: new Buildah(run), run, subcommands: () => commands.map((command) => command[1]), commands };
}

describe("a builder's container", () => {
  it("is not made for nothing: the image's ID is known without it", async () => {
    const { subcommands, ...tools } = fakeBuildah();
    {
      await using place = await openPlace("localhost/builder:1", shared, tools);
      expect(place.identity).toBe("sha256:ab12");
    }
    expect(subcommands()).toEqual(["inspect"]);
  });

  it("is one for all commands, one after another, and removed after the last of them, whatever became of the others", async () => {
    const ended: string[] = [];
    const { subcommands, ...tools } = fakeBuildah(async (_, [program]) => {
      await new Promise((resolve) => setTimeout(resolve, program === "slow" ? 50 : 0));
      ended.push(program);
      if (program === "bad") throw new CommandFailure(["bad"], { exitCode: 1, reason: "exit code 1" });
    });
    const use = async () => {
      await using place = await openPlace("localhost/builder:1", shared, tools);
      await Promise.all([place.run(["slow"]), place.run(["bad"]), place.run(["last"])]);
    };
    await expect(use()).rejects.toThrow("cannot run 'bad': exit code 1 inside the container");
    expect(ended).toEqual(["slow", "bad", "last"]);
    expect(subcommands()).toEqual(["inspect", "from", "run", "run", "run", "rm"]);
  });

  it("is there without a builder, too: this host", async () => {
    const { run, buildah, commands } = fakeBuildah();
    await using place = await openPlace(undefined, shared, { run, buildah });
    await place.run(["dnf"]);
    expect(place.identity).toBeUndefined();
    expect(commands).toEqual([["dnf"]]);
  });
});

describe("what a command prints in a container", () => {
  it("comes whole, by files and not by a pipe, and the files are gone", async () => {
    const long = "x".repeat(3_000_000);
    const tools = fakeBuildah((printed) => writeFile(`${printed}.out`, `${long}\n`));
    await using place = await openPlace("localhost/builder:1", shared, tools);
    expect(await place.run(["print"], { cwd: "/tmp", env: { A: "b" } })).toBe(long);
    expect(tools.commands.find((command) => command[1] === "run")?.join(" ")).toMatch(
      new RegExp(
        `--volume ${shared}:${shared} --env LC_ALL=C --env A=b --workingdir /tmp \\S+ -- sh -c exec .* ${shared}/printed-[0-9a-f]{16} print$`,
      ),
    );
    expect(await readdir(shared)).toEqual([]);
  });

  it("can become a file, byte for byte", async () => {
    const bytes = Buffer.from([0, 255, 10, 10]);
    const tools = fakeBuildah((printed) => writeFile(`${printed}.out`, bytes));
    await using place = await openPlace("localhost/builder:1", shared, tools);
    const file = path.join(shared, "tar");
    await place.run(["print"], { stdoutFile: file });
    expect(await readFile(file)).toEqual(bytes);
    await rm(file);
  });

  it("is told when the command fails; a program that is not there is told apart", async () => {
    const tools = fakeBuildah(async (printed, command) => {
      const isMissing = command[0] === "missing";
      await writeFile(`${printed}.err`, isMissing ? "sh: 1: exec: missing: not found\n" : "Error: no mirror\n");
      throw new CommandFailure(["buildah"], { exitCode: isMissing ? 127 : 3, reason: "", stderr: "exit status" });
    });
    await using place = await openPlace("localhost/builder:1", shared, tools);
    await expect(place.run(["dnf"])).rejects.toMatchObject({
      command: ["dnf"],
      exitCode: 3,
      stderr: "Error: no mirror",
      notFound: false,
    });
    await expect(place.run(["missing"])).rejects.toMatchObject({ notFound: true });
  });
});
