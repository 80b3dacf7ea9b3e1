import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { addDoctorCommand } from "../../src/commands/doctor.ts";
import { inUserNamespace } from "../../src/commands/user-namespace.ts";
import { hostArch } from "../../src/system/arch.ts";
import { installCommand } from "../../src/system/host.ts";
import { type Command, CommandFailure, type Run } from "../../src/system/run.ts";
import { runVerb } from "../support/context.ts";
import { recordingRun } from "../support/run.ts";

interface Diagnosis {
  readonly packageManager: string;
  readonly abilities: readonly {
    readonly name: string;
    readonly able: boolean;
    readonly lacks: readonly string[];
    readonly install?: string;
  }[];
}

const everything = ["buildah", "newuidmap", "flock", "apt-get", "apt-config", "dpkg-deb", "podman", "catatonit"];
const onDebian = existsSync("/etc/debian_version");
let programs: string;

beforeEach(() => {
  programs = mkdtempSync(path.join(tmpdir(), "doctor-test-"));
  vi.stubEnv("PATH", programs);
  vi.stubEnv("TMPDIR", tmpdir());
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(programs, { recursive: true });
});

const install = (...names: readonly string[]) =>
  names.forEach((name) => {
    symlinkSync(process.execPath, path.join(programs, name));
  });
const buildah = (version: string) =>
  recordingRun((command) => (command[1] === "--version" ? `buildah version ${version} (image-spec 1.0.2)` : undefined))
    .run;

async function diagnose(run = buildah("1.28.2")) {
  const { stdout, exitCode } = await runVerb(addDoctorCommand, ["doctor", "--json"], run);
  const diagnosis = JSON.parse(stdout.join("\n")) as Diagnosis;
  return { exitCode, build: diagnosis.abilities.find(({ name }) => name.startsWith("build"))!, diagnosis };
}

it("a host with everything can build, and exit code 0 says so", async () => {
  install(...everything);
  const { exitCode, build } = await diagnose();
  expect(exitCode).toBe(0);
  expect(build).toEqual({ name: "build scratch images of Debian packages", able: true, lacks: [] });
});

it.runIf(onDebian)("a host without buildah cannot, exit code 1, and the one command is named", async () => {
  install(...everything.filter((name) => name !== "buildah" && name !== "flock"));
  const { exitCode, build, diagnosis } = await diagnose();
  expect(exitCode).toBe(1);
  expect(build.lacks).toEqual(["buildah is not installed", "flock is not installed"]);
  expect(diagnosis.packageManager).toBe("apt-get");
  expect(build.install).toBe(installCommand("apt-get", ["buildah", "util-linux"]).join(" "));
});

it("a buildah that cannot make reproducible images is too old", async () => {
  install(...everything);
  expect((await diagnose(buildah("1.26.9"))).build.lacks).toEqual(["buildah is 1.26, and 1.27 or newer is needed"]);
});

it("a store that does not open is said in buildah's own words", async () => {
  install(...everything);
  const { exitCode, build } = await diagnose(async (command: Command) => {
    if (command[1] === "--version") return "buildah version 1.28.2";
    throw new CommandFailure(command, {
      reason: "exit code 125",
      exitCode: 125,
      stderr: "x\nError: overlay is not supported\n",
    });
  });
  expect(exitCode).toBe(1);
  expect(build.lacks.at(-1)).toBe("buildah cannot open the containers store: Error: overlay is not supported");
});

describe("an ordinary user's subordinate ids are those that the kernel maps", () => {
  const withMap = (map: string) =>
    recordingRun((command) =>
      command[1] === "--version" ? "buildah version 1.28.2" : command[1] === "unshare" ? map : undefined,
    ).run;
  beforeEach(() => {
    install(...everything);
    vi.spyOn(process, "getuid").mockReturnValue(1000);
  });
  afterEach(() => vi.restoreAllMocks());

  it("enough", async () => {
    const { exitCode } = await diagnose(withMap("         0       1000          1\n         1     100000      65536"));
    expect(exitCode).toBe(0);
  });

  it("too few, with the command that assigns some that nobody has", async () => {
    const { exitCode, build, diagnosis } = await diagnose(withMap("         0       1000          1"));
    expect(exitCode).toBe(1);
    expect(build.lacks[0]).toMatch(
      / has too few subordinate ids: sudo usermod --add-subuids (\d+)-\d+ --add-subgids \1-/,
    );
    expect(diagnosis.abilities.find(({ name }) => name.startsWith("verify"))?.lacks[0]).toBe(build.lacks[0]);
  });
});

it("a store that cannot be used is a lack, and no end", async () => {
  install(...everything);
  const { exitCode, build } = await diagnose(async (command: Command) => {
    throw new CommandFailure(command, {
      reason: "exit code 1",
      exitCode: 1,
      stderr: "Error: mkdir /ro: read-only file system",
    });
  });
  expect(exitCode).toBe(1);
  expect(build.lacks[0]).toContain("cannot use the containers store: its directory cannot be made: mkdir /ro");
});

it("a work directory that does not exist is a lack", async () => {
  install(...everything);
  vi.stubEnv("TMPDIR", path.join(programs, "nowhere"));
  expect((await diagnose()).build.lacks).toEqual([
    `${programs}/nowhere cannot be written to: set TMPDIR to a directory with free space`,
  ]);
});

it("lacking podman does not keep a host from building", async () => {
  install(...everything.filter((name) => name !== "podman"));
  const { exitCode, diagnosis } = await diagnose();
  expect(exitCode).toBe(0);
  expect(diagnosis.abilities).toContainEqual(
    expect.objectContaining({
      name: "run images",
      able: false,
      lacks: expect.arrayContaining(["podman is not installed"]),
    }),
  );
});

describe("verify and prove", () => {
  const verifying = (diagnosis: Diagnosis) => diagnosis.abilities.find(({ name }) => name.startsWith("verify"));
  const forProof = ["ip", "nsenter", "runc", "udhcpc"];
  /** The OCI runtime answers `stderr`; "" for one that works. */
  const runtime =
    (stderr: string): Run =>
    async (command) => {
      if (command.includes("--version")) return "buildah version 1.28.2";
      if (stderr !== "" && command.includes("--bundle")) {
        throw new CommandFailure(command, { reason: "exit code 1", exitCode: 1, stderr });
      }
      return "";
    };

  it("are possible if the OCI runtime starts a container", async () => {
    install(...everything, ...forProof);
    expect(verifying((await diagnose(runtime(""))).diagnosis)).toMatchObject({ able: true, lacks: [] });
  });

  it("are not if it does not, in the runtime's words", async () => {
    install(...everything, ...forProof);
    const { exitCode, diagnosis } = await diagnose(runtime("x\ncreating cgroup: no such device"));
    const name = path.basename(process.execPath);
    expect(verifying(diagnosis)).toMatchObject({
      able: false,
      lacks: [`${name} cannot start a container here: creating cgroup: no such device`],
    });
    expect(exitCode).toBe(0);
  });

  it("are tried in the user namespace of an ordinary user", async () => {
    vi.spyOn(process, "getuid").mockReturnValue(1000);
    install(...everything, ...forProof);
    const { run, calls } = recordingRun((command) => {
      if (command[1] === "--version") return "buildah version 1.28.2";
      if (command.includes("/proc/self/uid_map")) return "0 1000 1\n1 100000 65536";
      return command.at(-1) === "--sandbox" ? "runc cannot start a container here" : undefined;
    });
    const { diagnosis } = await diagnose(run);
    vi.restoreAllMocks();
    expect(verifying(diagnosis)?.lacks).toEqual(["runc cannot start a container here"]);
    expect(calls.map(({ command }) => command)).toContainEqual(inUserNamespace(["doctor", "--sandbox"]));
  });
});

it("this machine's own programs need no emulator", async () => {
  install(...everything);
  const { diagnosis } = await diagnose();
  expect(diagnosis.abilities).toContainEqual({ name: `run ${hostArch()} programs`, able: true, lacks: [] });
});

it.runIf(onDebian)("prints one answer per ability for people", async () => {
  install(...everything.filter((name) => name !== "dpkg-deb"));
  const { stdout } = await runVerb(addDoctorCommand, ["doctor"], buildah("1.28.2"));
  expect(stdout[0]).toBe(
    `no   build scratch images of Debian packages\n     dpkg-deb is not installed\n     install with: ${installCommand("apt-get", ["dpkg"]).join(" ")}`,
  );
});

describe("the install command", () => {
  it.each([
    ["apt-get", "apt-get install --no-install-recommends podman"],
    ["dnf", "dnf install podman"],
    ["rpm-ostree", "rpm-ostree install podman"],
  ] as const)("of %s", (manager, command) => {
    expect(
      installCommand(manager, ["podman"])
        .filter((word) => word !== "sudo")
        .join(" "),
    ).toBe(command);
  });
});
