import { readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hostLoader, multiarch, paths, rules, type TinyWorld, tinyWorld } from "./tiny-world.ts";

let world: TinyWorld;
beforeEach(() => {
  world = tinyWorld();
});
afterEach(() => world[Symbol.dispose]());

/** A copy of a file in the world with one byte changed. */
function altered(file: string, offset: number, value: number): Buffer {
  const bytes = readFileSync(world.root + file);
  bytes.writeUInt8(value, offset);
  return bytes;
}

describe("a file of the right name that does not fit, in an earlier directory", () => {
  beforeEach(() => {
    world.library("/good/libone.so");
    world.program("/bin/prog", { needs: ["/good/libone.so"], runpath: "/bad:/good" });
  });

  test.each([
    ["another class is passed over", 4, 1],
    ["another machine is passed over", 18, 0xb7 ^ 0x15],
  ])("%s", (_, offset, value) => {
    world.file("/bad/libone.so", altered("/good/libone.so", offset, value));
    expect(rules(world.closure("/bin/prog"))).toEqual(["/good/libone.so  runpath"]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/good/libone.so"]);
  });

  test.each([
    ["another byte order stops the loader", () => altered("/good/libone.so", 5, 2)],
    ["a type that is no library stops the loader", () => altered("/good/libone.so", 16, 1)],
    ["an unknown format stops the loader", () => altered("/good/libone.so", 0, 0)],
    [
      "a file cut off in its header stops the loader",
      () => readFileSync(`${world.root}/good/libone.so`).subarray(0, 40),
    ],
    [
      "a file cut off in its program headers stops the loader",
      () => readFileSync(`${world.root}/good/libone.so`).subarray(0, 200),
    ],
    ["an empty file stops the loader", () => Buffer.alloc(0)],
    ["a linker script stops the loader", () => Buffer.from("/* GNU ld script */\nINPUT ( libone.so.1 )\n")],
  ])("%s", (_, content) => {
    world.file("/bad/libone.so", content());
    const [missing] = world.closure("/bin/prog").missing;
    expect(missing).toMatchObject({ soname: "libone.so", requiredBy: ["/bin/prog"] });
    expect(missing?.because).toMatch(/^\/bad\/libone\.so: /);
    expect(() => world.loaderSays("/bin/prog")).toThrow("/bad/libone.so");
  });

  test("a dangling link is passed over", () => {
    world.link("/bad/libone.so", "gone.so");
    expect(rules(world.closure("/bin/prog"))).toEqual(["/good/libone.so  runpath"]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/good/libone.so"]);
  });

  test("a directory stops the loader", () => {
    world.file("/bad/libone.so/file", "");
    expect(world.closure("/bin/prog").missing.map((each) => each.soname)).toEqual(["libone.so"]);
    expect(() => world.loaderSays("/bin/prog")).toThrow("/bad/libone.so");
  });
});

describe("links", () => {
  test("chains, absolute targets and links in directories are followed inside the root and kept", () => {
    world.library("/store/libone.so.1.2", { soname: "libone.so.1" });
    world
      .link("/store/libone.so.1", "/alias/libone.so.1.2")
      .link("/alias", "/store")
      .link("/opt/lib", "../../../store");
    world.program("/bin/prog", { needs: ["/store/libone.so.1.2"], runpath: "/opt/lib" });
    const closure = world.closure("/bin/prog");
    expect(rules(closure)).toEqual(["/store/libone.so.1.2  runpath"]);
    expect(closure.files.find((file) => file.soname === "libone.so.1")?.links).toEqual([
      { path: "/opt/lib", target: "../../../store" },
      { path: "/store/libone.so.1", target: "/alias/libone.so.1.2" },
      { path: "/alias", target: "/store" },
    ]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/opt/lib/libone.so.1"]);
  });

  test("the binary may be a link; its $ORIGIN is where it really lies, as the kernel tells the loader", () => {
    world.library("/opt/app/libone.so");
    world.program("/opt/app/prog", { needs: ["/opt/app/libone.so"], runpath: "$ORIGIN" });
    world.link("/etc/alternatives/prog", "/opt/app/prog").link("/usr/bin/prog", "/etc/alternatives/prog");
    const closure = world.closure("/usr/bin/prog");
    expect(closure.binary).toBe("/opt/app/prog");
    expect(closure.links.map((link) => link.path)).toEqual(["/usr/bin/prog", "/etc/alternatives/prog"]);
    expect(rules(closure)).toEqual(["/opt/app/libone.so  runpath"]);
  });

  test("a link that would lead out of the root stays inside", () => {
    symlinkSync("../../../../../../../../../../etc", `${world.root}/out`);
    world.library("/etc/libone.so");
    world.program("/bin/prog", { needs: ["/etc/libone.so"], runpath: "/out" });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/etc/libone.so  runpath"]);
  });

  test("links that go in circles lead nowhere", () => {
    world.link("/a", "/b").link("/b", "/a").library("/c/libone.so");
    world.program("/bin/prog", { needs: ["/c/libone.so"], runpath: "/a:/c" });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/c/libone.so  runpath"]);
  });
});

describe("preloading", () => {
  test("libraries of /etc/ld.so.preload come in, with what they need", () => {
    world.library("/lib/libdeep.so").library("/opt/libpre.so", { needs: ["/lib/libdeep.so"] });
    world.file("/etc/ld.so.preload", "# first\n/opt/libpre.so\n").program("/bin/prog", { needs: ["/lib/libdeep.so"] });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/opt/libpre.so  preload", "/lib/libdeep.so  default"]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/opt/libpre.so", "/lib/libdeep.so"]);
  });

  test("one that is not there is complained about and ignored", () => {
    world.file("/etc/ld.so.preload", "/opt/gone.so").program("/bin/prog");
    const closure = world.closure("/bin/prog");
    expect(closure.missing).toEqual([]);
    expect(closure.warnings).toEqual(["'/bin/prog' goes without '/opt/gone.so' (preload): there is no such library"]);
  });

  test("LD_PRELOAD of the program's environment", () => {
    world.library("/lib/libpre.so").program("/bin/prog", { needs: ["/lib/libpre.so"] });
    expect(rules(world.closure("/bin/prog", { preload: "libpre.so" }))).toEqual(["/lib/libpre.so  preload"]);
    expect(world.loaderSays("/bin/prog", "--preload", "libpre.so")).toEqual(["/lib/libpre.so"]);
  });

  test("LD_LIBRARY_PATH stands between RPATH and RUNPATH", () => {
    for (const directory of ["/a", "/b", "/c"]) world.library(`${directory}/libone.so`);
    world.program("/bin/old", { needs: ["/a/libone.so"], rpath: "/a" });
    world.program("/bin/new", { needs: ["/a/libone.so"], runpath: "/a" });
    expect(rules(world.closure("/bin/old", { libraryPath: "/b:/c" }))).toEqual(["/a/libone.so  rpath"]);
    expect(rules(world.closure("/bin/new", { libraryPath: "/none;/b:/c" }))).toEqual(["/b/libone.so  library path"]);
    expect(world.loaderSays("/bin/new", "--library-path", "/none;/b:/c")).toEqual(["/b/libone.so"]);
  });
});

describe("filters and auditors", () => {
  beforeEach(() => void world.library("/lib/libreal.so"));

  test("DT_FILTER brings its library in", () => {
    world
      .library("/lib/libthin.so", { flags: ["-Wl,-F,libreal.so"] })
      .program("/bin/prog", { needs: ["/lib/libthin.so"] });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/lib/libthin.so  default", "/lib/libreal.so  filter"]);
    expect(world.loaderSays("/bin/prog").toSorted()).toEqual(["/lib/libreal.so", "/lib/libthin.so"]);
  });

  test("DT_FILTER without its library is missing", () => {
    world
      .library("/lib/libthin.so", { flags: ["-Wl,-F,libgone.so"] })
      .program("/bin/prog", { needs: ["/lib/libthin.so"] });
    expect(world.closure("/bin/prog").missing).toEqual([{ soname: "libgone.so", requiredBy: ["/lib/libthin.so"] }]);
    expect(() => world.loaderSays("/bin/prog")).toThrow("libgone.so");
  });

  test("DT_AUXILIARY brings its library in, and goes without it where it is not there", () => {
    world.library("/lib/libthin.so", { flags: ["-Wl,-f,libreal.so,-f,libgone.so"] });
    world.program("/bin/prog", { needs: ["/lib/libthin.so"] });
    const closure = world.closure("/bin/prog");
    expect(rules(closure)).toEqual(["/lib/libthin.so  default", "/lib/libreal.so  auxiliary"]);
    expect(closure.missing).toEqual([]);
    expect(closure.warnings).toEqual([
      "'/lib/libthin.so' goes without 'libgone.so' (auxiliary): there is no such library",
    ]);
    expect(world.loaderSays("/bin/prog").toSorted()).toEqual(["/lib/libreal.so", "/lib/libthin.so"]);
  });

  test("DT_AUDIT of the program brings its auditor in", () => {
    world.program("/bin/prog", { flags: ["-Wl,--audit=/lib/libreal.so"] });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/lib/libreal.so  audit"]);
  });

  test("DF_1_NODEFLIB keeps the default directories out of the search", () => {
    world.program("/bin/prog", { needs: ["/lib/libreal.so"], flags: ["-Wl,-z,nodefaultlib"] });
    expect(world.closure("/bin/prog").missing.map((each) => each.soname)).toEqual(["libreal.so"]);
    expect(() => world.loaderSays("/bin/prog")).toThrow("libreal.so");
  });
});

describe("default directories and hwcaps", () => {
  test("the default directories are those of the root's own loader, in its order", () => {
    world
      .library(`${multiarch}/libone.so`)
      .library("/usr/lib/libone.so")
      .library("/usr/lib/libtwo.so")
      .library("/lib64/libthree.so");
    world.program("/bin/prog", { needs: ["/usr/lib/libone.so", "/usr/lib/libtwo.so"] });
    expect(rules(world.closure("/bin/prog"))).toEqual([
      `${multiarch}/libone.so  default`,
      "/usr/lib/libtwo.so  default",
    ]);
    expect(world.loaderSays("/bin/prog")).toEqual([`${multiarch}/libone.so`, "/usr/lib/libtwo.so"]);
  });

  test("of two names of one directory the link is left out, because the loader finds the other one", () => {
    const link = multiarch.slice("/usr".length);
    world.library(`${multiarch}/libone.so`).link(link, `..${multiarch}`);
    world.program("/bin/prog", { needs: [`${multiarch}/libone.so`] });
    const one = world.closure("/bin/prog").files.find((file) => file.path === `${multiarch}/libone.so`);
    expect(one).toMatchObject({ foundBy: "default", links: [] });
    expect(world.loaderSays("/bin/prog")).toEqual([`${link}/libone.so`]);
    rmSync(`${world.root}${link}`);
    expect(world.loaderSays("/bin/prog")).toEqual([`${multiarch}/libone.so`]);
  });

  test("a directory keeps its first name where another one lies between its names, or the order would be another", () => {
    world.library("/real/libone.so").library("/between/libone.so").link("/current", "real");
    world.program("/bin/prog", {
      needs: ["/real/libone.so"],
      rpath: "/current:/between:/real",
    });
    const one = world.closure("/bin/prog").files.find((file) => file.path === "/real/libone.so");
    expect(one?.links).toEqual([{ path: "/current", target: "real" }]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/current/libone.so"]);
    rmSync(`${world.root}/current`);
    expect(world.loaderSays("/bin/prog")).toEqual(["/between/libone.so"]);
  });

  test("without ld.so.cache the directories of ld.so.conf are not searched", () => {
    world.library("/opt/lib/libone.so").file("/etc/ld.so.conf", "/opt/lib\n");
    world.program("/bin/prog", { needs: ["/opt/lib/libone.so"] });
    expect(world.closure("/bin/prog").missing.map((each) => each.soname)).toEqual(["libone.so"]);
    expect(() => world.loaderSays("/bin/prog")).toThrow("libone.so");
  });

  test.runIf(process.arch === "x64")(
    "a glibc-hwcaps variant is listed beside the base library, with its own needs",
    () => {
      world.library("/lib/libfast.so").library("/a/libone.so");
      world.library("/a/glibc-hwcaps/x86-64-v3/libone.so", { needs: ["/lib/libfast.so"] });
      world.library("/a/glibc-hwcaps/unheard-of/libone.so");
      world.program("/bin/prog", { needs: ["/a/libone.so"], runpath: "/a" });
      expect(rules(world.closure("/bin/prog"))).toEqual([
        "/a/libone.so  runpath",
        "/a/glibc-hwcaps/x86-64-v3/libone.so  runpath hwcaps",
        "/lib/libfast.so  default",
      ]);
    },
  );

  test.runIf(process.arch === "x64")(
    "a variant alone does not do: the processor of the build machine never decides",
    () => {
      world.library("/stub/libone.so").library("/a/glibc-hwcaps/x86-64-v2/libone.so");
      world.program("/bin/prog", { needs: ["/stub/libone.so"], runpath: "/a" });
      expect(world.closure("/bin/prog").missing.map((each) => each.soname)).toEqual(["libone.so"]);
    },
  );
});

describe("the interpreter", () => {
  test("it is in the closure, with the links on the way to it", () => {
    world.program("/bin/prog", { flags: ["-Wl,--dynamic-linker=/odd/ld.so"] }).link("/odd/ld.so", `..${hostLoader}`);
    const closure = world.closure("/bin/prog");
    expect(closure.interpreter).toBe("/odd/ld.so");
    expect(closure.files).toMatchObject([{ path: hostLoader, foundBy: "interpreter", requiredBy: ["/bin/prog"] }]);
    expect(closure.files[0]?.links).toEqual([{ path: "/odd/ld.so", target: `..${hostLoader}` }]);
  });

  test("one that is not there is missing under its path", () => {
    world.program("/bin/prog", { flags: ["-Wl,--dynamic-linker=/lib/gone.so"] });
    expect(world.closure("/bin/prog").missing).toEqual([{ soname: "/lib/gone.so", requiredBy: ["/bin/prog"] }]);
  });

  test("a library has none, and what it needs is found all the same", () => {
    world.library("/lib/libtwo.so").library("/lib/libone.so", { needs: ["/lib/libtwo.so"] });
    expect(paths(world.closure("/lib/libone.so"))).toEqual(["/lib/libtwo.so"]);
    expect(world.closure("/lib/libone.so")).not.toHaveProperty("interpreter");
  });

  test("what it says counts for a library, too, where the merged system's links are not there yet", () => {
    renameSync(`${world.root}${hostLoader}`, `${world.root}/moved`);
    world.library(`${multiarch}/libtwo.so`).library("/opt/libone.so", { needs: [`${multiarch}/libtwo.so`] });
    expect(world.closure("/opt/libone.so").missing.map((each) => each.soname)).toEqual(["libtwo.so"]);
    world.file(`/usr${hostLoader}`, readFileSync(`${world.root}/moved`));
    expect(rules(world.closure("/opt/libone.so"))).toEqual([`${multiarch}/libtwo.so  default`]);
  });

  test("a library with an interpreter is dynamic and has it", () => {
    world.library("/lib/libone.so", {
      source: `const char interp[] __attribute__((section(".interp"))) = "${hostLoader}";`,
    });
    expect(world.closure("/lib/libone.so")).toMatchObject({
      kind: "dynamic",
      files: [{ path: hostLoader, foundBy: "interpreter" }],
    });
  });

  test("the loader itself needs nothing", () => {
    expect(world.closure(hostLoader)).toMatchObject({ files: [], missing: [] });
  });
});

describe("static programs", () => {
  test.each([
    ["a static program", ["-static", "-no-pie"]],
    ["a static-pie program", ["-static-pie"]],
  ])("%s loads nothing, whatever is preloaded", (_, flags) => {
    world.file("/etc/ld.so.preload", "/opt/libpre.so").program("/bin/prog", { flags });
    expect(world.closure("/bin/prog")).toMatchObject({ kind: "static", files: [], missing: [], warnings: [] });
  });
});
