import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rules, type TinyWorld, tinyWorld } from "./tiny-world.ts";

/** C source of a file with `.note.dlopen` notes. */
function noting(name: string, ...texts: readonly string[]): string {
  const notes = texts.map((text, index) => {
    const json = JSON.stringify(text);
    const length = Buffer.byteLength(text) + 1;
    return `__attribute__((section(".note.dlopen"), used, aligned(4))) static const struct { unsigned n, d, t; char o[4]; char j[${Math.ceil(length / 4) * 4}]; } note${index} = { 4, ${length}, 0x407c0c0a, "FDO", ${json} };`;
  });
  return `${notes.join("\n")}\nint ${name}(void) { return 0; }`;
}

let world: TinyWorld;
beforeEach(() => {
  world = tinyWorld();
});
afterEach(() => world[Symbol.dispose]());

function withNotes(...notes: readonly (readonly object[])[]): void {
  world.program("/bin/prog", {
    source: noting("prog", ...notes.map((note) => JSON.stringify(note))),
    needs: [],
    flags: ["-Wl,-z,noseparate-code"],
  });
}

describe(".note.dlopen", () => {
  test("required and recommended are in, suggested is out, and what was decided is told", () => {
    for (const name of ["one", "two", "three"]) world.library(`/lib/lib${name}.so`);
    withNotes(
      [{ soname: ["libone.so"], feature: "a", priority: "required" }],
      [
        { soname: ["libtwo.so"], feature: "b", priority: "recommended" },
        { soname: ["libthree.so"], feature: "c", priority: "suggested" },
      ],
    );
    const closure = world.closure("/bin/prog");
    expect(rules(closure)).toEqual(["/lib/libone.so  dlopen", "/lib/libtwo.so  dlopen"]);
    expect(closure.dlopen.map((each) => `${each.feature} ${each.priority} ${each.outcome}`)).toEqual([
      "a required found",
      "b recommended found",
      "c suggested out",
    ]);
  });

  test("the policy decides by feature", () => {
    world.library("/lib/libone.so").library("/lib/libtwo.so");
    withNotes([
      { soname: ["libone.so"], feature: "lz4", priority: "required" },
      { soname: ["libtwo.so"], feature: "qr", priority: "suggested" },
    ]);
    const closure = world.closure("/bin/prog", { wantsDlopen: (feature) => feature === "qr" });
    expect(rules(closure)).toEqual(["/lib/libtwo.so  dlopen"]);
  });

  test("of several names the first that is there will do, with what it needs", () => {
    world
      .library("/lib/libdeep.so")
      .library("/lib/libnew.so.2", { needs: ["/lib/libdeep.so"] })
      .library("/lib/libold.so.1");
    withNotes([{ soname: ["libgone.so.3", "libnew.so.2", "libold.so.1"] }]);
    expect(rules(world.closure("/bin/prog"))).toEqual(["/lib/libnew.so.2  dlopen", "/lib/libdeep.so  default"]);
  });

  test("a required one that nothing answers is missing, a recommended one is told", () => {
    withNotes([
      { soname: ["libmust.so"], priority: "required" },
      { soname: ["libmay.so"], priority: "recommended" },
    ]);
    const closure = world.closure("/bin/prog");
    expect(closure.missing).toEqual([{ soname: "libmust.so", requiredBy: ["/bin/prog"] }]);
    expect(closure.dlopen.map((each) => each.outcome)).toEqual(["absent", "absent"]);
  });

  test("a note of a library counts, and is looked for with that library's RUNPATH", () => {
    world.library("/own/libplug.so");
    world.library("/lib/libone.so", {
      runpath: "/own",
      source: noting("libone", JSON.stringify([{ soname: ["libplug.so"] }])),
    });
    world.program("/bin/prog", { needs: ["/lib/libone.so"] });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/lib/libone.so  default", "/own/libplug.so  dlopen"]);
  });

  test.each([
    ["no JSON", "{]"],
    ["no array", '{"soname":["a.so"]}'],
    ["no sonames", '[{"soname":[]},{"soname":7},null,3]'],
    ["deep nesting", "[".repeat(5000)],
  ])("%s is passed over", (_, text) => {
    world.program("/bin/prog", { source: noting("prog", text) });
    expect(world.closure("/bin/prog")).toMatchObject({ missing: [], dlopen: [] });
  });
});

describe("libgcc_s", () => {
  const source = "extern void pthread_exit(void *); void prog(void) { if (pthread_exit) pthread_exit(0); }";
  const options = { threadUnwinder: true };
  beforeEach(() => {
    world.library("/lib/libthreads.so", { source: "void pthread_exit(void *value) { (void)value; }" });
  });

  test("comes in for a program that ends or cancels threads, where it is asked for", () => {
    world.library("/lib/libgcc_s.so.1").program("/bin/prog", { source, needs: ["/lib/libthreads.so"] });
    expect(rules(world.closure("/bin/prog", options))).toEqual([
      "/lib/libthreads.so  default",
      "/lib/libgcc_s.so.1  dlopen",
    ]);
    expect(rules(world.closure("/bin/prog"))).toEqual(["/lib/libthreads.so  default"]);
  });

  test("does not for one that only probes for threads weakly", () => {
    const weak = source.replace("extern", "extern __attribute__((weak))");
    world.library("/lib/libgcc_s.so.1").program("/bin/prog", { source: weak, needs: ["/lib/libthreads.so"] });
    expect(rules(world.closure("/bin/prog", options))).toEqual(["/lib/libthreads.so  default"]);
  });
});

test.each([
  ["thrd_exit", "thread cancellation", "found"],
  ["pthread_cancel", "thread cancellation", "found"],
  ["backtrace", "backtraces", "out"],
  ["__backtrace", "backtraces", "out"],
])("libgcc_s for %s", (caller, feature, outcome) => {
  world.library("/lib/libcaller.so", { source: `void ${caller}(void) {}` }).library("/lib/libgcc_s.so.1");
  const source = `void ${caller}(void); void prog(void) { ${caller}(); }`;
  world.program("/bin/prog", { source, needs: ["/lib/libcaller.so"] });
  const closure = world.closure("/bin/prog", { threadUnwinder: true });
  expect(closure.dlopen).toMatchObject([{ requester: "/bin/prog", feature, outcome }]);
  const wantsDlopen = (asked: string | undefined) => (asked === feature) === (outcome === "out");
  const other = world.closure("/bin/prog", { threadUnwinder: true, wantsDlopen });
  expect(other.dlopen).toMatchObject([{ feature, outcome: outcome === "out" ? "found" : "out" }]);
});

describe("plug-ins", () => {
  test("a path or a name that the recipe gives comes in with its own closure", () => {
    world
      .library("/lib/libdeep.so")
      .library("/hooks/lease.so", { needs: ["/lib/libdeep.so"] })
      .program("/bin/prog");
    expect(rules(world.closure("/bin/prog", { plugins: ["/hooks/lease.so"] }))).toEqual([
      "/hooks/lease.so  plug-in",
      "/lib/libdeep.so  default",
    ]);
  });

  test("a directory stands for every library in it, once", () => {
    world.library("/hooks/b.so").library("/hooks/a.so.1").link("/hooks/a.so", "a.so.1").file("/hooks/readme", "text");
    world.program("/bin/prog");
    expect(rules(world.closure("/bin/prog", { plugins: ["/hooks/"] }))).toEqual([
      "/hooks/a.so.1  plug-in",
      "/hooks/b.so  plug-in",
    ]);
  });

  test("object files, archives and linker scripts in a directory are passed over, and named as such by themselves", () => {
    world.library("/hooks/a.so").file("/hooks/libb.a", "!<arch>\n").file("/hooks/libc.so", "INPUT(libc.so.6)\n");
    world.program("/hooks/crt1.o", { flags: ["-r", "-no-pie"] });
    world.program("/bin/prog");
    expect(rules(world.closure("/bin/prog", { plugins: ["/hooks"] }))).toEqual(["/hooks/a.so  plug-in"]);
    const named = world.closure("/bin/prog", { plugins: ["/hooks/crt1.o", "/hooks/libc.so"] });
    expect(named.missing.map(({ because }) => because)).toEqual([
      "/hooks/crt1.o: it is an object file, which only a linker reads",
      "/hooks/libc.so: it is a linker script, which only a linker reads; it stands for libc.so.6",
    ]);
    expect(() => world.closure("/hooks/libc.so")).toThrow(
      "cannot resolve '/hooks/libc.so': it is a linker script, which only a linker reads; it stands for libc.so.6",
    );
  });

  test("one that is not there is missing", () => {
    world.program("/bin/prog");
    expect(world.closure("/bin/prog", { plugins: ["/hooks/gone.so"] }).missing.map((each) => each.soname)).toEqual([
      "/hooks/gone.so",
    ]);
  });
});
