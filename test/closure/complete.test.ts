import { chmodSync, renameSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Companions, completeClosure } from "../../src/closure/complete.ts";
import type { Wanted } from "../../src/packages/source.ts";
import { openDirectoryRoot } from "../../src/system/root.ts";
import { hostLoader, paths, rules, type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";

let world: TinyWorld;
beforeEach(() => {
  world = tinyWorld();
});
afterEach(() => world[Symbol.dispose]());

/** Packages of one file each, taken in when they are asked for by their soname or path; `asked` is what was, call by call. */
function source(files: Readonly<Record<string, string>>) {
  const asked: (readonly Wanted[])[] = [];
  // No library by its name: one of another name counts, too.
  const packed = (file: string) => world.root + file.replace(/[^/]+$/, "packed.$&");
  for (const file of Object.values(files)) renameSync(world.root + file, packed(file));
  return {
    asked,
    root: openDirectoryRoot(world.root),
    provide: async (wanted: readonly Wanted[]) => {
      asked.push(wanted);
      const taken = wanted.flatMap((each) => files[each.wanted] ?? []);
      for (const file of taken) renameSync(packed(file), world.root + file);
      return taken.length > 0;
    },
  };
}

describe("a closure over packages", () => {
  test("asks for what is missing, with its requirers, until nothing is", async () => {
    world.library("/lib/libdeep.so").library("/lib/libone.so", { needs: ["/lib/libdeep.so"] });
    world.program("/bin/prog", { needs: ["/lib/libone.so"] });
    const packages = source({
      "libone.so": "/lib/libone.so",
      "libdeep.so": "/lib/libdeep.so",
      [hostLoader]: hostLoader,
    });
    const {
      closures: [closure],
    } = await completeClosure(["/bin/prog"], packages);
    expect(closure && rules(closure)).toEqual(["/lib/libone.so  default", "/lib/libdeep.so  default"]);
    expect(packages.asked).toEqual([
      [
        { wanted: hostLoader, requiredBy: ["/bin/prog"] },
        { wanted: "libone.so", requiredBy: ["/bin/prog"] },
      ],
      [{ wanted: "libdeep.so", requiredBy: ["/lib/libone.so"] }],
    ]);
  });

  test("has the link from a soname to its library that ldconfig would make, and that no package has", async () => {
    world
      .library("/lib/libone.so.1.9", { soname: "libone.so.1" })
      .library("/lib/libone.so.1.10", { soname: "libone.so.1" });
    world
      .library("/lib/libtwo.so.2", { soname: "libone.so.2" })
      .library("/opt/libaway.so.1.0", { soname: "libaway.so.1" });
    world.library("/lib/libhere.so.1").library("/stub/libone.so.1").library("/stub/libaway.so.1");
    world.program("/bin/prog", { needs: ["/lib/libhere.so.1", "/stub/libone.so.1"] });
    const {
      closures: [closure],
    } = await completeClosure(["/bin/prog"], source({}));
    expect(closure && rules(closure)).toEqual(["/lib/libhere.so.1  default", "/lib/libone.so.1.10  default"]);
    expect(closure?.files.find(({ soname }) => soname === "libone.so.1")?.links).toEqual([
      { path: "/lib/libone.so.1", target: "libone.so.1.10" },
    ]);
    world.library("/usr/lib/libelse.so.3.1", { soname: "libelse.so.3" }).library("/stub/libelse.so.3");
    world.program("/bin/third", { needs: ["/lib/libhere.so.1", "/stub/libelse.so.3"] });
    const elsewhere = await completeClosure(["/bin/third"], source({}));
    expect(elsewhere.closures[0] && paths(elsewhere.closures[0])).toContain("/usr/lib/libelse.so.3.1");
    world.program("/bin/other", { needs: ["/lib/libhere.so.1", "/stub/libaway.so.1"] });
    await expect(completeClosure(["/bin/other"], source({}))).rejects.toThrow("libaway.so.1, needed by /bin/other");
  });

  test("names everything that nobody provides, with all who need it", async () => {
    world
      .library("/stub/libgone.so")
      .library("/stub/libaway.so")
      .library("/lib/libone.so", { needs: ["/stub/libgone.so"] });
    world.program("/bin/prog", { needs: ["/lib/libone.so", "/stub/libgone.so", "/stub/libaway.so"] });
    world.program("/bin/other", { needs: ["/stub/libgone.so"] });
    await expect(completeClosure(["/bin/prog", "/bin/other"], source({}))).rejects.toThrow(
      [
        "cannot complete the closure: no package provides",
        "  libgone.so, needed by /bin/prog, /lib/libone.so, /bin/other",
        "  libaway.so, needed by /bin/prog",
      ].join("\n"),
    );
  });

  test("says of a file that is there what it is and that the loader cannot use it", async () => {
    const script = "/* GNU ld script */\nINPUT(libncurses.so.6 AS_NEEDED(-ltinfo))\n";
    world.library("/stub/libncurses.so").library("/stub/libgone.so");
    world.file("/lib/libncurses.so", script).file("/lib/libfoo.a", "!<arch>\n").file("/lib/empty.so", "");
    world.program("/bin/prog", { needs: ["/stub/libncurses.so"] });
    await expect(completeClosure(["/bin/prog"], source({}))).rejects.toThrow(
      "cannot complete the closure: the loader cannot use\n  libncurses.so, needed by /bin/prog (/lib/libncurses.so: it is a linker script, which only a linker reads; it stands for libncurses.so.6)",
    );
    const plugins = ["/lib/libfoo.a", "/lib/empty.so"];
    world.program("/bin/prog", { needs: ["/stub/libgone.so"] });
    await expect(completeClosure(["/bin/prog"], source({}), { plugins })).rejects.toThrow(
      [
        "cannot complete the closure: no package provides",
        "  libgone.so, needed by /bin/prog",
        "the loader cannot use",
        "  /lib/libfoo.a, needed by /bin/prog (/lib/libfoo.a: it is a static archive, which only a linker reads)",
        "  /lib/empty.so, needed by /bin/prog (/lib/empty.so: not an ELF file)",
      ].join("\n"),
    );
  });

  test("asks for a recommended library, and goes on without it", async () => {
    const threaded = "extern void pthread_exit(void *); void prog(void) { pthread_exit(0); }";
    world.library("/lib/libthreads.so", { source: "void pthread_exit(void *value) { (void)value; }" });
    world.program("/bin/prog", { source: threaded, needs: ["/lib/libthreads.so"] });
    const packages = source({});
    const {
      closures: [closure],
    } = await completeClosure(["/bin/prog"], packages);
    expect(packages.asked).toEqual([[{ wanted: "libgcc_s.so.1", requiredBy: ["/bin/prog"], optional: true }]]);
    expect(closure?.dlopen).toMatchObject([{ sonames: ["libgcc_s.so.1"], outcome: "absent" }]);
  });

  test("counts the directories of the packages' ld.so.conf, included files in order, after the loader's own", async () => {
    world.file("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n").file("/etc/ld.so.conf.d/b.conf", "/opt/b\n");
    world.file("/etc/ld.so.conf.d/a.conf", "# ours\n/opt/a/\n").file("/etc/ld.so.conf.d/c.txt", "/opt/c\n");
    for (const directory of ["/opt/a", "/opt/b", "/opt/c", "/lib"]) world.library(`${directory}/libtwo.so`);
    world.library("/opt/b/libone.so").library("/opt/a/libone.so").library("/opt/c/libthree.so");
    world.program("/bin/prog", { needs: ["/opt/a/libone.so", "/lib/libtwo.so"] });
    const {
      closures: [closure],
    } = await completeClosure(["/bin/prog"], source({}));
    expect(closure && rules(closure)).toEqual(["/opt/a/libone.so  cache", "/lib/libtwo.so  default"]);
    world.program("/bin/third", { needs: ["/opt/c/libthree.so"] });
    await expect(completeClosure(["/bin/third"], source({}))).rejects.toThrow("libthree.so, needed by /bin/third");
  });

  test("ends where files of ld.so.conf include each other", async () => {
    world.file("/etc/ld.so.conf", "include ld.so.conf\n/opt/a\n").library("/opt/a/libone.so");
    world.program("/bin/prog", { needs: ["/opt/a/libone.so"] });
    const {
      closures: [closure],
    } = await completeClosure(["/bin/prog"], source({}));
    expect(closure && paths(closure)).toEqual(["/opt/a/libone.so"]);
  });
});

describe("what is included besides", () => {
  beforeEach(() => {
    world
      .program("/bin/prog")
      .library("/lib/libshell.so")
      .program("/usr/bin/shell", { needs: ["/lib/libshell.so"] });
  });
  const script = (file: string, text: string) => {
    world.file(file, text);
    chmodSync(world.root + file, 0o755);
  };
  const included = async (companions: Companions) =>
    (await completeClosure(["/bin/prog"], source({}), {}, companions)).included;

  test("scripts have the closure of their interpreter, if they are executable", async () => {
    script("/usr/share/served/run", "#!/usr/bin/shell -e\n");
    script("/usr/share/served/env", "#!/usr/bin/env shell\n");
    world.program("/usr/bin/env").file("/usr/share/served/example", "#!/usr/bin/gone\n");
    chmodSync(`${world.root}/usr/bin/shell`, 0o755);
    const closures = await included({ include: ["/usr/share/served"] });
    expect(closures.map((each) => [each.binary, ...rules(each)])).toEqual([
      ["/usr/share/served/env", "/usr/bin/env  script", "/usr/bin/shell  script", "/lib/libshell.so  default"],
      ["/usr/share/served/run", "/usr/bin/shell  script", "/lib/libshell.so  default"],
    ]);
  });

  test("a script that is named needs its interpreter, one in a directory goes without", async () => {
    script("/usr/share/served/tidy", "#!/usr/bin/gone\n");
    world.library("/stub/libgone.so");
    const { lacking } = await completeClosure(["/bin/prog"], source({}), {}, { include: ["/usr/share"] });
    expect(lacking).toEqual([{ soname: "/usr/bin/gone", requiredBy: ["/usr/share/served/tidy"], optional: true }]);
    await expect(included({ include: ["/usr/share/served/tidy"] })).rejects.toThrow(
      "cannot complete the closure: no package provides\n  /usr/bin/gone, needed by /usr/share/served/tidy",
    );
    await expect(included({ include: ["/usr/share/served/t*", "/usr/share"] })).rejects.toThrow("/usr/bin/gone");
  });

  test("a script of the recipe has the closure of its interpreter, which may be another one", async () => {
    const scripts = [
      { path: "/opt/hook", content: "#!/usr/bin/shell\n" },
      { path: "/opt/second", content: "#!/opt/hook\n" },
      { path: "/opt/data", content: "no script\n" },
    ];
    const closures = await included({ scripts });
    expect(closures.map((each) => [each.binary, ...rules(each)])).toEqual([
      ["/opt/hook", "/usr/bin/shell  script", "/lib/libshell.so  default"],
    ]);
    expect(closures[0]?.files[0]?.requiredBy).toEqual(["/opt/hook"]);
    await expect(included({ scripts: [{ path: "/opt/lost", content: "#! /usr/bin/gone" }] })).rejects.toThrow(
      "/usr/bin/gone, needed by /opt/lost",
    );
  });

  test("wildcards stand for what they match, sorted, and for something", async () => {
    for (const name of ["b", "a", "c.so"]) world.file(`/usr/share/zones/${name}`, "");
    const { include } = await completeClosure(
      ["/bin/prog"],
      source({}),
      {},
      { include: ["/usr/share/zones/?", "/usr/share/*/b"] },
    );
    expect(include).toEqual(["/usr/share/zones/a", "/usr/share/zones/b"]);
    await expect(included({ include: ["/usr/share/zones/*.gone"] })).rejects.toThrow(
      "cannot include /usr/share/zones/*.gone: nothing in the packages matches it",
    );
  });
});
