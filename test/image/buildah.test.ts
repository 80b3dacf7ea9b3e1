import { afterEach, describe, expect, it, vi } from "vitest";
import { Buildah } from "../../src/image/buildah.ts";
import { type Command, CommandFailure, type Run, type RunOptions } from "../../src/system/run.ts";

/** Records commands; answers by subcommand. */
function recording(answers: Readonly<Record<string, string>> = {}) {
  const commands: Command[] = [];
  const options: (RunOptions | undefined)[] = [];
  const run: Run = async (command, option) => {
    commands.push(command);
    options.push(option);
    return answers[command[1] ?? ""] ?? "";
  };
  return { run, commands, options };
}

afterEach(() => vi.unstubAllEnvs());

describe("a working container", () => {
  it("is removed, interrupted or not, when it was not committed", async () => {
    const { run, commands, options } = recording();
    {
      await using _container = await new Buildah(run).from("scratch");
    }
    expect(commands.at(-1)?.slice(0, 2)).toEqual(["buildah", "rm"]);
    expect(options.at(-1)).toMatchObject({ evenInterrupted: true });
  });
});

it("a command inside a working container sees the host's directories that it is given, and no others", async () => {
  const { run, commands } = recording();
  const buildah = new Buildah(run);
  const container = await buildah.from("localhost/base:1", "aarch64");
  const options = { env: { A: "b c" }, volumes: { "/mnt": "/var/tmp/own" }, workingDirectory: "/mnt" };
  await buildah.runIn(container, ["rpm", "-qa"], options);
  expect(commands.map((command) => command.join(" ").replaceAll(container.name, "NAME"))).toEqual([
    "buildah from --quiet --name NAME --arch arm64 --pull=missing localhost/base:1",
    "buildah run --isolation chroot --no-hosts --user 0:0 --volume /var/tmp/own:/mnt --env A=b c --workingdir /mnt NAME -- rpm -qa",
  ]);
});

it("variables that would change the image are taken away from buildah", async () => {
  vi.stubEnv("SOURCE_DATE_EPOCH", "1");
  vi.stubEnv("STORAGE_DRIVER", "vfs");
  const { run, options } = recording();
  await new Buildah(run, "/tmp/own").tag("sha256:ab", ["localhost/a:1"]);
  expect(options[0]?.env).toEqual({ SOURCE_DATE_EPOCH: undefined, STORAGE_DRIVER: undefined, TMPDIR: "/tmp/own" });
});

it("no buildah is a sentence with a hint", async () => {
  const run: Run = async (command) => {
    throw new CommandFailure(command, { reason: "it is not installed", notFound: true });
  };
  await expect(new Buildah(run).version()).rejects.toThrow("cannot build an image: buildah is not installed");
});

it.each([
  ["buildah version 1.28.2 (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)", [1, 28, 2]],
  ["buildah version 1.43.2 (image-spec 1.1.1, runtime-spec 1.2.1)", [1, 43, 2]],
])("the version is read from %s", async (text, numbers) => {
  expect(await new Buildah(recording({ "--version": text }).run).version()).toEqual(numbers);
});
