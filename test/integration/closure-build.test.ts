import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRecord } from "../../src/report/record-text.ts";
import { type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";
import { type AptRepository, createAptRepository, type HandMadePackage } from "../support/apt-repository.ts";
import type { Ended } from "../support/cli.ts";
import { enableEmulation } from "../support/qemu.ts";
import { run } from "../support/run.ts";
import { findMirror, unpackDebs } from "../support/standin/debian.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canBuild =
  process.arch === "x64" &&
  requireTools("root", "buildah", "apt-get", "dpkg-deb", "gcc", "gpg", "podman", "update-binfmts");
const oci = { amd64: "x86_64", arm64: "aarch64" } as const;
const triplet = { amd64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" } as const;

describe.runIf(canBuild)("a closure in an image", () => {
  let workshop: Workshop;
  let repository: AptRepository;
  let world: TinyWorld;
  let work = "";

  beforeAll(async () => {
    work = mkdtempSync(path.join(tmpdir(), "closure-build-"));
    world = tinyWorld();
    repository = createAptRepository([...(await movedPackages(work)), ...compiledPackages(work, world)]);
    workshop = await createWorkshop();
    await enableEmulation("aarch64");
  });
  afterAll(async () => {
    await workshop[Symbol.asyncDispose]();
    repository[Symbol.dispose]();
    world[Symbol.dispose]();
    rmSync(work, { recursive: true, force: true });
  });

  /** Builds an image of one program of one package. */
  function build(name: string, program: string, scratch: object = {}, ...options: readonly string[]): Promise<Ended> {
    const recipe = path.join(work, `${name}.yaml`);
    writeFileSync(
      recipe,
      JSON.stringify({
        ...{ name, title: name, license: "MIT", arches: ["x86_64", "aarch64"] },
        service: { command: [program], user: "0:0" },
        scratch: { binaries: [program], packages: { debian: [name] }, ...scratch },
      }),
    );
    return workshop.run(["scratch", "--json", "--recipe", recipe, ...options], { env: repository.env });
  }

  /** The image's files, links and `loaderCheck`, once its exit code has been looked at. */
  async function built(ended: Ended): Promise<{ files: readonly string[]; loaderCheck: string; id: string }> {
    expect(ended.stderr).not.toContain("error:");
    const [{ id, loaderCheck }] = JSON.parse(ended.stdout).images;
    const directory = await unpacked(id);
    const found = execFileSync("find", [directory, "!", "-type", "d", "-printf", "/%P\n"], { encoding: "utf8" });
    return { id, loaderCheck, files: found.trim().split("\n").sort() };
  }

  /** A copy of an image's tree. */
  async function unpacked(id: string): Promise<string> {
    const directory = mkdtempSync(path.join(work, "image-"));
    const { env } = workshop.store;
    const container = await run(["buildah", "from", id], { env });
    const mounted = await run(["buildah", "mount", container], { env });
    execFileSync("cp", ["-a", `${mounted}/.`, directory]);
    await run(["buildah", "rm", container], { env });
    return directory;
  }

  it.each(["amd64", "arm64"] as const)(
    "runs on %s only with its cache where a library lies outside the loader's directories",
    async (arch) => {
      const ended = await build("moved", "/usr/bin/xz", {}, "--arch", oci[arch]);
      const { files, loaderCheck, id } = await built(ended);
      expect(loaderCheck).toBe("agreed");
      expect(files).toContain("/etc/ld.so.cache");
      expect(files).not.toContain("/etc/ld.so.conf.d/moved.conf");
      const directory = await unpacked(id);
      const start = () => spawnSync("chroot", [directory, "/usr/bin/xz", "--version"], { encoding: "utf8" });
      expect(start().stdout).toContain("XZ Utils");
      rmSync(path.join(directory, "etc/ld.so.cache"));
      expect(start().stderr).toContain("liblzma.so.5: cannot open shared object file");
    },
  );

  it("is not built where the image's own loader says something else, but for --no-loader-check", async () => {
    const refused = await build("lying", "/usr/bin/lying");
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("error: cannot trust the closure: the image's own loader does not agree");
    expect(refused.stderr).toContain("  for /usr/bin/lying the loader also loads /opt/extra.so");
    const { loaderCheck } = await built(await build("lying", "/usr/bin/lying", {}, "--no-loader-check"));
    expect(loaderCheck).toBe("skipped");
    // What was not heard is heard when it is asked for, though the image is there.
    expect((await build("lying", "/usr/bin/lying")).exitCode).toBe(1);
  });

  it("is not built with a library that lacks a version or a symbol, unless the recipe ignores it", async () => {
    const refused = await build("unfit", "/usr/bin/unfit");
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain(
      "/usr/bin/unfit needs version GREET_2 of libgreet.so: libgreet.so does not define it",
    );
    expect(refused.stderr).toContain("/usr/bin/unfit uses greet@GREET_2, which no file of its closure defines");
    expect(refused.stderr).toContain("ignoreHints: [GREET_2, greet@GREET_2]");
    const ignored = ["GREET_2", "greet@GREET_2"];
    const { loaderCheck } = await built(
      await build("unfit", "/usr/bin/unfit", { ignoreHints: ignored }, "--no-loader-check"),
    );
    expect(loaderCheck).toBe("skipped");
  });

  it("is built with a warning where the library has no versions at all", async () => {
    const ended = await build("unversioned", "/usr/bin/unversioned");
    expect(ended.exitCode).toBe(0);
    expect(ended.stderr).toContain("needs version GREET_2 of libgreet.so: libgreet.so has no versions");
  });

  it("has what a note asks for by its priority, or as the recipe says by feature", async () => {
    const noted = await built(await build("noted", "/usr/bin/noted"));
    expect(noted.files).toContain("/usr/lib/libwanted.so");
    expect(noted.files).not.toContain("/usr/lib/libextra.so");
    const [inspected] = JSON.parse(await run(["podman", "image", "inspect", noted.id], { env: workshop.store.env }));
    expect(
      readRecord({ architecture: "amd64", history: inspected.History })?.dlopen?.map(
        ({ feature, outcome }) => `${feature}: ${outcome}`,
      ),
    ).toEqual(["wanted: found", "extra: out"]);
    const { files } = await built(await build("noted", "/usr/bin/noted", { dlopen: { extra: true, wanted: false } }));
    expect(files).toContain("/usr/lib/libextra.so");
    expect(files).not.toContain("/usr/lib/libwanted.so");
  });

  it("has plug-ins, directories of them and $LIB, each with what it needs", async () => {
    const plugins = ["/usr/$LIB/plugged", "libnss_private.so.2"];
    const { files, loaderCheck } = await built(await build("plugged", "/usr/bin/plugged", { plugins }));
    expect(files).toContain("/usr/lib/x86_64-linux-gnu/plugged/one.so");
    expect(files).toContain("/usr/lib/x86_64-linux-gnu/plugged/two.so");
    expect(files).toContain("/usr/lib/libneeded.so");
    expect(files).toContain("/usr/lib/libnss_private.so.2");
    expect(loaderCheck).toBe("agreed");
  });

  it("has a directory of the packages that the recipe includes, data and modules, with what the modules need", async () => {
    const { files } = await built(await build("plugged", "/usr/bin/plugged", { include: ["/usr/$LIB/plugged"] }));
    expect(files).toContain("/usr/lib/x86_64-linux-gnu/plugged/data.txt");
    expect(files).toContain("/usr/lib/x86_64-linux-gnu/plugged/two.so");
    expect(files).toContain("/usr/lib/libneeded.so");
    const lost = await build("plugged", "/usr/bin/plugged", { include: ["/usr/share/lost"] });
    expect(lost.stderr).toContain("error: cannot include /usr/share/lost: none of the packages has it");
  });

  it("has the services of the recipe's nsswitch.conf", async () => {
    const nsswitch = { path: "/etc/nsswitch.conf", content: "hosts: files private dns\n" };
    const { files } = await built(await build("plugged", "/usr/bin/plugged", { files: [nsswitch] }));
    expect(files).toContain("/usr/lib/libnss_private.so.2");
    const unknown = { ...nsswitch, content: "hosts: files unknown\n" };
    const lacking = await build("plugged", "/usr/bin/plugged", { files: [unknown] });
    expect(lacking.exitCode).toBe(1);
    expect(lacking.stderr).toContain("libnss_unknown.so.2, needed by /usr/bin/plugged");
  });

  it("has libgcc_s for a program that ends threads", async () => {
    const { files } = await built(await build("threaded", "/usr/bin/threaded"));
    expect(files).toContain("/usr/lib/x86_64-linux-gnu/libgcc_s.so.1");
  });

  it("has the interpreter of a script, and hears its loader", async () => {
    const { files, loaderCheck } = await built(await build("scripted", "/usr/bin/scripted"));
    expect(files).toContain("/usr/bin/plugged");
    expect(loaderCheck).toBe("agreed");
  });

  it("has the shell of a script, though no package says that it needs one", async () => {
    const { files, loaderCheck } = await built(await build("shelled", "/usr/bin/shelled"));
    expect(files).toEqual(expect.arrayContaining(["/bin", "/usr/bin/dash", "/usr/bin/shelled"]));
    expect(loaderCheck).toBe("agreed");
  });

  it("has a program that nobody but its owner may read", async () => {
    const { loaderCheck } = await built(await build("private", "/usr/bin/private"));
    expect(loaderCheck).toBe("agreed");
  });

  it("has the alternative with the highest priority, by its links, and says why", async () => {
    const { id, files, loaderCheck } = await built(await build("emmax", "/usr/bin/emmax", {}, "--arch", "x86_64"));
    const library = "/usr/lib/x86_64-linux-gnu";
    const links = [`${library}/liblapack.so.3`, "/etc/alternatives/liblapack.so.3-x86_64-linux-gnu"];
    expect(files).toEqual(expect.arrayContaining([...links, `${library}/atlas/liblapack.so.3`]));
    expect(loaderCheck).toBe("agreed");
    const started = spawnSync("chroot", [await unpacked(id), "/usr/bin/emmax"], { encoding: "utf8" });
    expect(started.stderr + started.stdout).toMatch(/usage/i);
    const { stdout } = await workshop.run(["why", id, links[0] ?? ""]);
    expect(stdout).toContain(
      "an installation would make it: libatlas3-base offers the alternative liblapack.so.3-x86_64-linux-gnu with priority 35, and liblapack3 with priority 10",
    );
  });

  it("has what a script of the recipe or of a package begins with, and names what is lacking", async () => {
    const hook = { path: "/etc/served/hook", content: "#!/bin/sh\n", mode: "0755" };
    const include = ["/usr/share/scripts/*"];
    const ended = await build("scripts", "/usr/bin/plugged", { files: [hook], include: ["/usr/share/scripts"] });
    const { files, loaderCheck } = await built(ended);
    expect(files).toEqual(expect.arrayContaining(["/usr/bin/dash", "/etc/served/hook", "/usr/share/scripts/data"]));
    expect(ended.stderr).toContain(
      "/usr/bin/gone: no package provides it, and /usr/share/scripts/lost cannot be started",
    );
    expect(loaderCheck).toBe("agreed");
    const named = await build("scripts", "/usr/bin/plugged", { include });
    expect(named).toMatchObject({ exitCode: 1, stdout: "" });
    expect(named.stderr).toContain("/usr/bin/gone, needed by /usr/share/scripts/lost");
    const unmatched = await build("scripts", "/usr/bin/plugged", { include: ["/usr/share/scripts/*.gone"] });
    expect(unmatched.stderr).toContain(
      "error: cannot include /usr/share/scripts/*.gone: nothing in the packages matches it",
    );
  });

  it("tells once, for all architectures, what the recipe may have to consider", async () => {
    const ended = await build("isc-dhcp-server", "/usr/sbin/dhcpd", {}, "--arch", "all");
    expect(ended.stderr.match(/^\/etc\/services: /gm)).toHaveLength(1);
    expect(ended.stderr.match(/ignoreHints: \[\/etc\/services, /g)).toHaveLength(1);
    const ignored = /ignoreHints: \[(.*)\]$/m.exec(ended.stderr)?.[1]?.split(", ") ?? [];
    const quiet = await build(
      "isc-dhcp-server",
      "/usr/sbin/dhcpd",
      { ignoreHints: ignored },
      "--arch",
      "x86_64",
      "--force",
    );
    expect(quiet.stderr).not.toContain("ignoreHints");
  });
});

/** A real program and its library, the library in a directory that only ld.so.conf knows. */
async function movedPackages(work: string): Promise<readonly HandMadePackage[]> {
  const { bookworm } = await findMirror(run);
  const packages: HandMadePackage[] = [];
  for (const arch of ["amd64", "arm64"] as const) {
    const debs = path.join(work, `debs-${arch}`);
    await unpackDebs(run, { source: bookworm, arch, names: ["xz-utils", "liblzma5"], directory: debs });
    const place = placer(path.join(work, `moved-${arch}`));
    copyFileSync(path.join(debs, "xz-utils/usr/bin/xz"), place("/usr/bin/xz"));
    const library = path.join(debs, "liblzma5/lib", triplet[arch], "liblzma.so.5");
    execFileSync("cp", ["--dereference", library, place("/opt/moved/liblzma.so.5")]);
    writeFileSync(place("/etc/ld.so.conf.d/moved.conf"), "/opt/moved\n");
    const content = { directory: path.join(work, `moved-${arch}`) };
    packages.push({ name: "moved", arch, depends: "libc6", content });
  }
  return packages;
}

/** Packages of tiny programs, each a world's files under new names. */
function compiledPackages(work: string, world: TinyWorld): readonly HandMadePackage[] {
  const file = (inside: string) => path.join(world.root, inside);
  const packages: HandMadePackage[] = [];
  const pack = (name: string, files: Readonly<Record<string, string | Buffer>>, mode = 0o755): void => {
    const place = placer(path.join(work, name));
    for (const [inside, content] of Object.entries(files)) writeFileSync(place(inside), content, { mode });
    packages.push({ name, depends: "libc6, libgcc-s1", content: { directory: path.join(work, name) } });
  };
  const take = (inside: string) => readFileSync(file(inside));

  world.library("/usr/lib/libneeded.so").program("/usr/bin/plugged");
  world
    .library("/one.so")
    .library("/two.so", { needs: ["/usr/lib/libneeded.so"] })
    .library("/libnss_private.so.2");
  const plugged = {
    "/usr/bin/plugged": take("/usr/bin/plugged"),
    "/usr/lib/x86_64-linux-gnu/plugged/one.so": take("/one.so"),
    "/usr/lib/x86_64-linux-gnu/plugged/two.so": take("/two.so"),
    "/usr/lib/x86_64-linux-gnu/plugged/data.txt": "data\n",
    "/usr/lib/libneeded.so": take("/usr/lib/libneeded.so"),
    "/usr/lib/libnss_private.so.2": take("/libnss_private.so.2"),
  };
  pack("plugged", plugged);
  symlinkSync("../plugged", path.join(work, "plugged/usr/lib/x86_64-linux-gnu/plugged/loop"));
  pack("scripted", { "/usr/bin/scripted": "#!/usr/bin/plugged\n", "/usr/bin/plugged": take("/usr/bin/plugged") });
  pack("shelled", { "/usr/bin/shelled": "#!/bin/sh\n" });
  pack("scripts", {
    "/usr/bin/plugged": take("/usr/bin/plugged"),
    "/usr/share/scripts/lost": "#!/usr/bin/gone\n",
    "/usr/share/scripts/data": "data\n",
  });
  pack("private", { "/usr/bin/private": take("/usr/bin/plugged") }, 0o700);

  const note = (soname: string, feature: string, priority: string) => {
    const text = JSON.stringify([{ soname: [soname], feature, priority }]);
    const length = text.length + 1;
    const type = `struct { unsigned n, d, t; char o[4]; char j[${Math.ceil(length / 4) * 4}]; }`;
    const attributes = '__attribute__((section(".note.dlopen"), used, aligned(4)))';
    return `${attributes} static const ${type} note_${feature} = { 4, ${length}, 0x407c0c0a, "FDO", ${JSON.stringify(text)} };`;
  };
  const notes = [note("libwanted.so", "wanted", "recommended"), note("libextra.so", "extra", "suggested")];
  world.program("/noted", {
    source: `${notes.join("\n")}\nint noted(void) { return 0; }`,
    flags: ["-Wl,-z,noseparate-code"],
  });
  world.library("/libwanted.so").library("/libextra.so");
  pack("noted", {
    "/usr/bin/noted": take("/noted"),
    "/usr/lib/libwanted.so": take("/libwanted.so"),
    "/usr/lib/libextra.so": take("/libextra.so"),
  });

  const source = "int greet(void) { return 1; }";
  const versioned = (version: string) => {
    world.file("/map", `${version} { global: greet; };`);
    world.library("/libgreet.so", { source, flags: [`-Wl,--version-script=${file("/map")}`] });
    return take("/libgreet.so");
  };
  versioned("GREET_2");
  const calls = "int greet(void); int unfit(void) { return greet(); }";
  world.program("/unfit", { source: calls, needs: ["/libgreet.so"] });
  pack("unfit", { "/usr/bin/unfit": take("/unfit"), "/usr/lib/libgreet.so": versioned("GREET_1") });
  world.library("/libgreet.so", { source });
  pack("unversioned", { "/usr/bin/unversioned": take("/unfit"), "/usr/lib/libgreet.so": take("/libgreet.so") });

  const threads = "void pthread_exit(void *); int threaded(void) { pthread_exit(0); return 0; }";
  world.program("/threaded", { source: threads, flags: ["-lc"] });
  pack("threaded", { "/usr/bin/threaded": take("/threaded") });

  world.program("/lying", { flags: ["-Wl,--dynamic-linker=/opt/loader"] });
  const lie = '#include <stdio.h>\nint main(void) { puts("\\tlibextra.so => /opt/extra.so (0x1)"); return 0; }';
  execFileSync("gcc", ["-static", "-x", "c", "-", "-o", file("/loader")], { input: lie });
  pack("lying", { "/usr/bin/lying": take("/lying"), "/opt/loader": take("/loader") });
  return packages;
}

/** Gives paths below a directory, and makes what leads there. */
function placer(directory: string): (inside: string) => string {
  return (inside) => {
    mkdirSync(path.join(directory, path.dirname(inside)), { recursive: true });
    return path.join(directory, inside);
  };
}
