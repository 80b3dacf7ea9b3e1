import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { multiarch, paths, rules, type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";

let world: TinyWorld;
beforeEach(() => {
  world = tinyWorld();
});
afterEach(() => world[Symbol.dispose]());

/** Ours, and the loader of the world as the second witness. */
function bothSay(file: string, expected: readonly string[]): void {
  const closure = world.closure(file);
  expect(closure.missing).toEqual([]);
  expect(rules(closure)).toEqual(expected);
  expect(paths(closure).toSorted()).toEqual([...world.loaderSays(file)].toSorted());
}

function bothMiss(file: string, soname: string): void {
  expect(world.closure(file).missing.map((each) => each.soname)).toEqual([soname]);
  expect(() => world.loaderSays(file)).toThrow(soname);
}

/** Turns the DT_DEBUG entry of a 64-bit program into a DT_RUNPATH of the last two characters of its DT_RPATH. */
function withRunpath(program: Buffer): Buffer {
  const bytes = Buffer.from(program);
  const headers = Number(bytes.readBigUInt64LE(32));
  const at = Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => headers + index * 56);
  const dynamic = Number(bytes.readBigUInt64LE(at.find((header) => bytes.readUInt32LE(header) === 2)! + 8));
  const entry = (tag: number) => {
    let offset = dynamic;
    while (bytes.readUInt32LE(offset) !== tag) offset += 16;
    return offset;
  };
  const rpath = bytes.readUInt32LE(entry(15) + 8);
  bytes.writeUInt32LE(29, entry(21));
  bytes.writeUInt32LE(rpath + "/a:".length, entry(29) + 8);
  return bytes;
}

describe("DT_RPATH and DT_RUNPATH", () => {
  test("RPATH is inherited down the chain", () => {
    world.library("/a/libdeep.so").library("/a/libmid.so", { needs: ["/a/libdeep.so"] });
    world.program("/bin/prog", { needs: ["/a/libmid.so"], rpath: "/a" });
    bothSay("/bin/prog", ["/a/libmid.so  rpath", "/a/libdeep.so  rpath"]);
  });

  test("RUNPATH is not inherited", () => {
    world.library("/a/libdeep.so").library("/a/libmid.so", { needs: ["/a/libdeep.so"] });
    world.program("/bin/prog", { needs: ["/a/libmid.so"], runpath: "/a" });
    bothMiss("/bin/prog", "libdeep.so");
  });

  test("RPATH of the chain is not asked for what an object with RUNPATH needs", () => {
    world.library("/a/libdeep.so").library("/a/libmid.so", { needs: ["/a/libdeep.so"], runpath: "/nowhere" });
    world.program("/bin/prog", { needs: ["/a/libmid.so"], rpath: "/a" });
    bothMiss("/bin/prog", "libdeep.so");
  });

  test("RPATH is ignored where the same object has RUNPATH", () => {
    world.library("/b/libone.so");
    world.program("/bin/prog", { needs: ["/b/libone.so"], rpath: "/a:/b" });
    world.library("/a/libone.so");
    bothSay("/bin/prog", ["/a/libone.so  rpath"]);
    world.file("/bin/both", withRunpath(readFileSync(`${world.root}/bin/prog`)));
    bothSay("/bin/both", ["/b/libone.so  runpath"]);
  });

  test("RPATH comes before the default directories, and they come last", () => {
    world.library("/a/libone.so").library("/usr/lib/libone.so").library("/usr/lib/libtwo.so");
    world.program("/bin/prog", { needs: ["/a/libone.so", "/usr/lib/libtwo.so"], rpath: "/a" });
    bothSay("/bin/prog", ["/a/libone.so  rpath", "/usr/lib/libtwo.so  default"]);
  });

  test("the first directory of the list that has the file wins", () => {
    world.library("/a/libone.so").library("/b/libone.so");
    world.program("/bin/prog", { needs: ["/a/libone.so"], runpath: "/none:/b:/a" });
    bothSay("/bin/prog", ["/b/libone.so  runpath"]);
  });

  test("an empty element is the working directory", () => {
    world.library("/libone.so");
    world.program("/bin/prog", { needs: ["/libone.so"], runpath: "/none:" });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/libone.so  runpath"]);
    expect(rules(world.closure("/bin/prog", { workingDirectory: "/bin" }))).toEqual([]);
    expect(() => world.loaderSays("/bin/prog")).not.toThrow();
  });
});

describe("tokens", () => {
  test("$ORIGIN is the directory of the file that has the path", () => {
    world.library("/opt/x/lib/libone.so");
    world.program("/opt/x/bin/prog", { needs: ["/opt/x/lib/libone.so"], runpath: "$ORIGIN/../lib" });
    expect(rules(world.closure("/opt/x/bin/prog"))).toEqual(["/opt/x/lib/libone.so  runpath"]);
    expect(world.loaderSays("/opt/x/bin/prog")).toEqual(["/opt/x/bin/../lib/libone.so"]);
  });

  test("$ORIGIN with braces is the same", () => {
    world.library("/opt/x/libone.so");
    world.program("/opt/x/prog", { needs: ["/opt/x/libone.so"], rpath: "$" + "{ORIGIN}" });
    bothSay("/opt/x/prog", ["/opt/x/libone.so  rpath"]);
  });

  test("$ORIGIN of a library is the directory it was found in, though that is a link", () => {
    world.library("/real/libone.so", { needs: [], runpath: "$ORIGIN/../beside" });
    world.library("/links/beside/libtwo.so").library("/beside/libtwo.so");
    world.library("/real/libone.so", { needs: ["/beside/libtwo.so"], runpath: "$ORIGIN/sub" });
    world.library("/real/sub/libtwo.so").link("/by/link", "../real");
    world.program("/bin/prog", { needs: ["/real/libone.so"], runpath: "/by/link" });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/real/libone.so  runpath", "/real/sub/libtwo.so  runpath"]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/by/link/libone.so", "/by/link/sub/libtwo.so"]);
  });

  test("$ORIGIN of a library behind a link to the file is the directory of the link", () => {
    world.library("/store/libtwo.so").library("/beside/libtwo.so");
    world.library("/store/libone.so.1", { needs: ["/store/libtwo.so"], soname: "libone.so", runpath: "$ORIGIN" });
    world.link("/beside/libone.so", "/store/libone.so.1");
    world.program("/bin/prog", { needs: ["/store/libone.so.1"], runpath: "/beside" });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/store/libone.so.1  runpath", "/beside/libtwo.so  runpath"]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/beside/libone.so", "/beside/libtwo.so"]);
  });

  test("$LIB is what the root's own loader says", () => {
    world.library(`/opt/${multiarch.slice("/usr/".length)}/libone.so`);
    world.program("/bin/prog", { needs: [`/opt/${multiarch.slice("/usr/".length)}/libone.so`], runpath: "/opt/$LIB" });
    bothSay("/bin/prog", [`/opt/${multiarch.slice("/usr/".length)}/libone.so  runpath`]);
  });

  test("a token inside a longer name is no token", () => {
    world.library("/opt/$ORIGINAL/libone.so");
    world.program("/bin/prog", { needs: ["/opt/$ORIGINAL/libone.so"], runpath: "/opt/$ORIGINAL" });
    bothSay("/bin/prog", ["/opt/$ORIGINAL/libone.so  runpath"]);
  });

  test("a token in the needed name itself is replaced", () => {
    world.library("/opt/x/libone.so", { soname: "$ORIGIN/libone.so" });
    world.program("/opt/x/prog", { needs: ["/opt/x/libone.so"] });
    bothSay("/opt/x/prog", ["/opt/x/libone.so  needed path"]);
  });
});

describe("names", () => {
  test("a needed name with a slash is a path and is not searched for", () => {
    world.library("/opt/libone.so", { soname: "/opt/libone.so" });
    world.program("/bin/prog", { needs: ["/opt/libone.so"] });
    bothSay("/bin/prog", ["/opt/libone.so  needed path"]);
  });

  test("a library without a soname answers to its file name", () => {
    world.library("/a/libone.so", { soname: false }).library("/a/libtwo.so", { needs: ["/a/libone.so"] });
    world.program("/bin/prog", { needs: ["/a/libone.so", "/a/libtwo.so"], runpath: "/a" });
    bothSay("/bin/prog", ["/a/libone.so  runpath", "/a/libtwo.so  runpath"]);
  });

  test("a soname that differs from the file name answers later requests", () => {
    world.library("/a/libone.so.7", { soname: false }).library("/link/libone.so.1");
    world.library("/a/libone.so.7", { soname: "libone.so.1" }).link("/b/libany.so", "../a/libone.so.7");
    world.library("/stub/libany.so").library("/c/libtwo.so", { needs: ["/link/libone.so.1"] });
    world.program("/bin/prog", { needs: ["/stub/libany.so", "/c/libtwo.so"], runpath: "/b:/c" });
    expect(rules(world.closure("/bin/prog"))).toEqual(["/a/libone.so.7  runpath", "/c/libtwo.so  runpath"]);
    expect(world.loaderSays("/bin/prog")).toEqual(["/b/libany.so", "/c/libtwo.so"]);
  });

  test("breadth first: of two directories the one that is asked first wins for all", () => {
    world.library("/near/libshared.so").library("/far/libshared.so");
    world.library("/a/libone.so", { needs: ["/far/libshared.so"], runpath: "/far" });
    world.program("/bin/prog", { needs: ["/a/libone.so", "/near/libshared.so"], runpath: "/a:/near" });
    bothSay("/bin/prog", ["/a/libone.so  runpath", "/near/libshared.so  runpath"]);
  });

  test("one file under two names is loaded once", () => {
    world.library("/a/libone.so", { soname: false }).link("/a/libalias.so", "libone.so");
    world.program("/bin/prog", { needs: ["/a/libone.so", "/a/libalias.so"], runpath: "/a" });
    bothSay("/bin/prog", ["/a/libone.so  runpath"]);
    expect(world.closure("/bin/prog").files.find((file) => file.path === "/a/libone.so")?.links).toEqual([
      { path: "/a/libalias.so", target: "libone.so" },
    ]);
  });

  test("libraries that need each other end", () => {
    world.library("/a/libtwo.so").library("/a/libone.so", { needs: ["/a/libtwo.so"], runpath: "/a" });
    world.library("/a/libtwo.so", { needs: ["/a/libone.so"], runpath: "/a" });
    world.program("/bin/prog", { needs: ["/a/libone.so"], runpath: "/a" });
    bothSay("/bin/prog", ["/a/libone.so  runpath", "/a/libtwo.so  runpath"]);
  });

  test("a program that needs its own soname needs itself", () => {
    world.library("/a/libself.so");
    world.library("/a/libone.so", { needs: ["/a/libself.so"] });
    world.library("/a/libself.so", { needs: ["/a/libone.so"], rpath: "/a" });
    bothSay("/a/libself.so", ["/a/libone.so  rpath"]);
  });

  test("names with spaces", () => {
    world.library("/a dir/lib one.so");
    world.program("/bin/my prog", { needs: ["/a dir/lib one.so"], runpath: "/a dir" });
    bothSay("/bin/my prog", ["/a dir/lib one.so  runpath"]);
  });

  test("the loader as a needed library is the interpreter and not listed twice", () => {
    world.program("/bin/prog", { needs: ["/lib64/ld-linux-x86-64.so.2"] });
    expect(world.closure("/bin/prog").files.map((file) => `${file.path}  ${file.foundBy}`)).toEqual([
      "/lib64/ld-linux-x86-64.so.2  interpreter",
    ]);
  });
});
