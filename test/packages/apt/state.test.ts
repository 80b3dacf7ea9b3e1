import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AptState, openAptState, refreshLists } from "../../../src/packages/apt/state.ts";
import { silent } from "../../../src/system/log.ts";
import { type Command, CommandFailure, type Run } from "../../../src/system/run.ts";

let directory: string;
let state: AptState;
const day = 24 * 60 * 60 * 1000;

const settings = [
  'APT::Architecture "amd64";',
  'Acquire::http::Proxy "http://proxy.example:3128";',
  'Acquire::IndexTargets::deb::Contents "x";',
  'DPkg::Post-Invoke:: "echo hook";',
  'APT::Update::Post-Invoke-Success:: "echo hook";',
].join("\n");

/** An apt that answers questions about the host's configuration and does `update` as told. */
function apt(update: () => string = () => ""): { readonly run: Run; readonly commands: Command[] } {
  const commands: Command[] = [];
  const run: Run = async (command) => {
    commands.push(command);
    if (command[0] === "flock") return update();
    return command[1] === "dump" ? settings : "sourcelist='/nonexistent/sources.list'\nsourceparts='/nonexistent/d/'";
  };
  return { run, commands };
}

const failing = (stderr: string) => () => {
  throw new CommandFailure(["apt-get", "update"], { exitCode: 100, stderr, reason: "exit code 100" });
};

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "apt-state-"));
  state = await openAptState(directory, "arm64", apt());
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("the private state", () => {
  it("keeps the host's places and proxies, and neither its hooks nor its caches", async () => {
    const text = await readFile(state.config, "utf8");
    expect(text).toContain('Acquire::http::Proxy "http://proxy.example:3128";');
    expect(text).toContain('Dir::Etc::sourcelist "/nonexistent/sources.list";');
    expect(text).toContain('Dir::Etc::parts "/dev/null";');
    expect(text).toContain(`Dir::State "${state.directory}";`);
    expect(text).toContain('APT::Architecture "arm64";');
    expect(text).not.toContain("Invoke");
    expect(text).not.toContain("IndexTargets");
  });

  it("is another one for another architecture", async () => {
    expect((await openAptState(directory, "amd64", apt())).directory).not.toBe(state.directory);
  });
});

describe("package lists", () => {
  const refresh = (run: Run, maxAge = day) => refreshLists(state, { maxAge, run, log: silent });

  it("are fetched under the state's lock, and not again while they are young", async () => {
    const { run, commands } = apt();
    await refresh(run);
    await refresh(run);
    expect(commands.map((command) => command.slice(3).join(" "))).toEqual(["apt-get update -q"]);
    await refresh(run, 0);
    expect(commands).toHaveLength(2);
  });

  it("are fetched again when they are too old", async () => {
    const { run, commands } = apt();
    await writeFile(path.join(state.directory, "refreshed"), "");
    const longAgo = new Date(Date.now() - 2 * day);
    await utimes(path.join(state.directory, "refreshed"), longAgo, longAgo);
    await refresh(run);
    expect(commands).toHaveLength(1);
  });

  it("must be fetched once: the network being away is a sentence", async () => {
    const { run } = apt(failing("W: x\nE: Failed to fetch a Temporary failure resolving 'mirror.example'\n"));
    await expect(refresh(run)).rejects.toThrow(
      "cannot fetch the package lists: Failed to fetch a Temporary failure resolving 'mirror.example'",
    );
  });

  it("that are there do when the network is away, unless fresh ones were asked for", async () => {
    await mkdir(path.join(state.directory, "lists"), { recursive: true });
    await writeFile(path.join(state.directory, "lists", "mirror_dists_x_main_binary-arm64_Packages"), "");
    const { run } = apt(failing("E: Failed to fetch a\n"));
    await refresh(run);
    await expect(refresh(run, 0)).rejects.toThrow("cannot fetch the package lists");
  });

  it("that are not trusted never do", async () => {
    await writeFile(path.join(state.directory, "lists", "mirror_dists_x_main_binary-arm64_Packages"), "");
    const { run } = apt(failing("W: GPG error: mirror InRelease: NO_PUBKEY 0123\nE: The repository is not signed.\n"));
    await expect(refresh(run)).rejects.toThrow("cannot trust the package lists: The repository is not signed.");
  });
});
