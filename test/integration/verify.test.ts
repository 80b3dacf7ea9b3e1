import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildVariant, removeFrom, verify } from "../support/proof.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createUser } from "../support/user.ts";
import { createWorkshop, processesWith, type Workshop } from "../support/workshop.ts";

const canServe = requireTools("root", "buildah", "podman", "runc", "catatonit", "ip", "nsenter", "udhcpc", "apt-get");

describe.runIf(canServe)("verify", () => {
  let workshop: Workshop;
  let image: string;
  beforeAll(async () => {
    workshop = await createWorkshop();
    await workshop.build(["--arch", "all"]);
    image = await buildVariant(workshop, { name: "sound" });
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  const left = async () =>
    [
      ...(await workshop.leftovers()),
      ...(await run(["podman", "ps", "--all", "--format", "{{.Names}}"], { env: workshop.store.env })).split("\n"),
      ...(await run(["podman", "volume", "ls", "--format", "{{.Name}}"], { env: workshop.store.env })).split("\n"),
      ...(await processesWith(workshop.env.TMPDIR!)).map(String),
    ].filter(Boolean);

  it.each(["x86_64", "aarch64"])("finds nothing wrong with the shipped recipe's image for %s", async (arch) => {
    const { findings, exitCode } = await verify(workshop, `localhost/dhcpd:latest-${arch}`);
    expect(findings.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(findings.map(({ name }) => name)).toEqual([
      "the configuration is accepted",
      "a client gets a lease",
      "it stops when told to",
      "it needs the capability NET_RAW",
      "it needs the capability NET_BIND_SERVICE",
      "it is configured as its record says",
      `every program and library is for ${arch}`,
      "its files are those of its record",
      "it writes nowhere but into /var/lib/dhcpd",
    ]);
    expect(exitCode).toBe(0);
    expect(await left()).toEqual([]);
  });

  it("holds a command to its exit code and to what it says", async () => {
    const checks = [
      '- { name: it has a version, run: [/usr/sbin/dhcpd, --version], output: "^isc-dhcpd-4" }',
      '- { name: it says something else, run: [/usr/sbin/dhcpd, --version], output: "^dnsmasq" }',
      "- { name: it refuses nonsense, run: [/usr/sbin/dhcpd, --nonsense], exit: 1 }",
      "- { name: it takes nonsense, run: [/usr/sbin/dhcpd, --nonsense] }",
    ];
    const { findings } = await verify(workshop, await buildVariant(workshop, { name: "commands", checks }));
    expect(findings.slice(0, 4).map(({ outcome, because }) => [outcome, because])).toEqual([
      ["passed", undefined],
      ["failed", "/usr/sbin/dhcpd does not say /^dnsmasq/"],
      ["passed", undefined],
      ["failed", "/usr/sbin/dhcpd ended with exit code 1"],
    ]);
  });

  it("says in one line per check what was found, with its time", async () => {
    const { stdout } = await workshop.run(["verify", image]);
    expect(stdout.split("\n")[1]).toMatch(/^ok {4,}\d+ ms {2}it serves$/);
  });

  it("finds a missing library, and shows what the loader said", async () => {
    const broken = await removeFrom(workshop, image, "/usr/lib/x86_64-linux-gnu/libc.so.6");
    const { findings, exitCode } = await verify(workshop, broken);
    const served = findings.find(({ name }) => name === "it serves")!;
    expect(served).toMatchObject({
      outcome: "failed",
      because: "the service ended with exit code 127 before it listened to 67/udp",
    });
    expect(served.output!.join("\n")).toContain("error while loading shared libraries: libc.so.6");
    // What starts with no capability at all says nothing about one less.
    const capabilities = findings.filter(({ name }) => name.startsWith("it needs the capability "));
    expect(capabilities.map(({ outcome, because }) => [outcome, because])).toEqual(
      ["NET_RAW", "NET_BIND_SERVICE"].map(() => ["skipped", "a check fails even with all of them"]),
    );
    expect(findings.find(({ name }) => name.startsWith("its files"))).toMatchObject({
      because: "/usr/lib/x86_64-linux-gnu/libc.so.6 is missing",
    });
    expect(exitCode).toBe(1);
  });

  it("finds a lease file that belongs to somebody else", async () => {
    const { findings, exitCode } = await verify(
      workshop,
      await buildVariant(workshop, { name: "owner", leaseOwner: "0:0" }),
    );
    const served = findings.find(({ name }) => name === "it serves")!;
    expect(served.outcome).toBe("failed");
    expect(served.output!.join("\n")).toMatch(/dhcpd\.leases: Permission denied/);
    expect(exitCode).toBe(1);
  });

  it("finds a capability that the service does not need", async () => {
    const greedy = await buildVariant(workshop, { name: "greedy", capabilities: "NET_RAW, NET_BIND_SERVICE, CHOWN" });
    const { findings, exitCode } = await verify(workshop, greedy);
    expect(findings.filter(({ outcome }) => outcome === "failed")).toMatchObject([
      { name: "it needs the capability CHOWN", because: "all checks pass without it" },
    ]);
    expect(exitCode).toBe(1);
  });

  it("finds that a capability is missing", async () => {
    const poor = await buildVariant(workshop, { name: "poor", capabilities: "NET_BIND_SERVICE" });
    const { findings } = await verify(workshop, poor);
    const served = findings.find(({ name }) => name === "it serves")!;
    expect(served.output!.join("\n")).toContain("Operation not permitted");
  });

  it("finds a service that does not stop in time", async () => {
    const slow = await buildVariant(workshop, {
      name: "slow",
      checks: [`- { name: it stops at once, files: {}, stop: { within: 1ms } }`],
    });
    const { findings } = await verify(workshop, slow);
    expect(findings[0]!.outcome).toBe("failed");
  });

  it("refuses images that are not there or not ours", async () => {
    const none = await workshop.run(["verify", "localhost/none"]);
    expect(none).toMatchObject({ exitCode: 1, stdout: "" });
    expect(none.stderr).toContain("error: cannot find image localhost/none in the local store\nhint: ");
    const container = await run(["buildah", "from", "scratch"], { env: workshop.store.env });
    await run(["buildah", "commit", "--quiet", "--rm", container, "localhost/foreign"], { env: workshop.store.env });
    const foreign = await workshop.run(["verify", "localhost/foreign"]);
    expect(foreign.stderr).toBe(
      "error: cannot check image localhost/foreign: it has no record, so it was not built by dhcpd-build\n",
    );
    expect(foreign.exitCode).toBe(1);
  });

  it.each([
    ["SIGINT", "while networks are made", "ip -batch", 130],
    ["SIGTERM", "while containers start", "podman run", 143],
    ["SIGTERM", "while the client asks", "udhcpc", 143],
    ["SIGHUP", "while the client asks", "udhcpc", 129],
    ["SIGQUIT", "while the client asks", "udhcpc", 131],
    ["SIGINT", "while the service is told to stop", "kill -TERM", 130],
  ] as const)("interrupted by %s %s leaves nothing behind", async (signal, _, said, code) => {
    const { exitCode, stderr } = await workshop.run(["--verbose", "verify", image], {
      interrupt: { signal, when: (soFar) => soFar.includes(said) },
    });
    expect({ exitCode, left: await left() }, stderr).toEqual({ exitCode: code, left: [] });
  });

  it("says what it could not check where no emulator is registered, and fails unless that is allowed", async () => {
    const hidden = [
      "unshare",
      "--mount",
      "sh",
      "-c",
      'mount -t tmpfs none /proc/sys/fs/binfmt_misc && exec "$@"',
      "sh",
    ];
    const foreign = "localhost/dhcpd:latest-aarch64";
    const { stdout, exitCode } = await workshop.run(["verify", foreign], { through: hidden });
    expect(stdout).toContain(
      "skip     0 ms  a client gets a lease: no emulator of aarch64 is registered with this machine's kernel\n",
    );
    expect(stdout).toMatch(/^ok .* every program and library is for aarch64$/m);
    expect(exitCode).toBe(1);
    expect((await workshop.run(["verify", "--allow-skip", foreign], { through: hidden })).exitCode).toBe(0);
    const proof = await workshop.run(["prove", foreign], { through: hidden });
    expect(proof).toMatchObject({ exitCode: 1, stdout: "" });
    expect(proof.stderr).toContain(`error: cannot prove ${foreign}: no emulator of aarch64 is registered`);
  });

  it.runIf(requireTools("useradd", "newuidmap"))("works for an ordinary user", async () => {
    await using user = await createUser();
    const program = await user.installProgram();
    const conf = `${user.home}/.config/containers/containers.conf`;
    await run(user.as(["mkdir", "-p", `${user.home}/.config/containers`]));
    await run(["sh", "-c", 'grep -v -E "tmp_dir|volume_path" "$0" > "$1"', workshop.store.env.CONTAINERS_CONF!, conf]);
    await run(user.as(["chmod", "a+r", conf]), { cwd: user.home }).catch(() => run(["chmod", "a+r", conf]));
    expect(await run(user.as([process.execPath, program, "doctor"]), { cwd: user.home })).toContain(
      "yes  verify and prove images\n",
    );
    await run(user.as([process.execPath, program, "scratch", "--quiet"]), { cwd: user.home });
    const printed = await run(user.as([process.execPath, program, "verify", "localhost/dhcpd:latest-x86_64"]), {
      cwd: user.home,
    });
    expect(printed.split("\n").map((line) => line.slice(0, 2))).toEqual(Array.from({ length: 9 }, () => "ok"));
    const proved = await run(user.as([process.execPath, program, "prove", "localhost/dhcpd:latest-x86_64"]), {
      cwd: user.home,
    });
    expect(new Set(proved.split("\n").map((line) => line.split(" ")[0]))).toEqual(new Set(["needed"]));
  });
});
