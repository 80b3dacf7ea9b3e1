import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cacheEntries, compareNames, writeCache } from "../../src/closure/ldconfig.ts";
import { readCache } from "../../src/elf/ld-so-cache.ts";
import { rules, type TinyWorld, tinyWorld } from "./tiny-world.ts";

/** ELF and libc6 flags of the two ABIs (ldconfig.h). */
const flags = process.arch === "arm64" ? 0xa03 : 0x303;

describe("ld.so.cache", () => {
  let world: TinyWorld;
  beforeEach(() => {
    world = tinyWorld();
    world.library("/opt/x/libone.so").library("/usr/lib/libtwo.so");
    world.program("/bin/prog", { needs: ["/opt/x/libone.so", "/usr/lib/libtwo.so"] });
  });
  afterEach(() => world[Symbol.dispose]());

  function bothSay(expected: readonly string[]): void {
    expect(rules(world.closure("/bin/prog"))).toEqual(expected);
    expect(world.loaderSays("/bin/prog")).toEqual(expected.map((line) => line.replace(/ {2}.*/, "")));
  }

  test("ldconfig's own is read", () => {
    world.file("/etc/ld.so.conf", "/opt/x\n");
    execFileSync("/sbin/ldconfig", ["-X", "-r", world.root]);
    bothSay(["/opt/x/libone.so  cache", "/usr/lib/libtwo.so  cache"]);
  });

  test("comes before the default directories", () => {
    world.library("/opt/x/libtwo.so");
    const entry = { soname: "libtwo.so", path: "/opt/x/libtwo.so", flags };
    world.file("/etc/ld.so.cache", writeCache([entry, { soname: "libone.so", path: "/opt/x/libone.so", flags }]));
    bothSay(["/opt/x/libone.so  cache", "/opt/x/libtwo.so  cache"]);
  });

  test("an entry whose file is gone is passed over", () => {
    world.library("/usr/lib/libone.so");
    world.file("/etc/ld.so.cache", writeCache([{ soname: "libone.so", path: "/gone/libone.so", flags }]));
    bothSay(["/usr/lib/libone.so  default", "/usr/lib/libtwo.so  default"]);
  });

  test("an entry for another ABI is passed over", () => {
    world.library("/usr/lib/libone.so");
    world.file("/etc/ld.so.cache", writeCache([{ soname: "libone.so", path: "/opt/x/libone.so", flags: 3 }]));
    bothSay(["/usr/lib/libone.so  default", "/usr/lib/libtwo.so  default"]);
  });

  test("DF_1_NODEFLIB keeps what it has of default directories out", () => {
    world.program("/bin/prog", { needs: ["/usr/lib/libtwo.so"], flags: ["-Wl,-z,nodefaultlib"] });
    world.file("/etc/ld.so.cache", writeCache([{ soname: "libtwo.so", path: "/usr/lib/libtwo.so", flags }]));
    expect(world.closure("/bin/prog").missing.map((each) => each.soname)).toEqual(["libtwo.so"]);
    expect(() => world.loaderSays("/bin/prog")).toThrow("libtwo.so");
  });

  test("the one we write lets the loader find what lies outside its directories", () => {
    const closure = world.closure("/bin/prog", { cachedDirectories: ["/opt/x"] });
    expect(rules(closure)).toEqual(["/opt/x/libone.so  cache", "/usr/lib/libtwo.so  default"]);
    expect(() => world.loaderSays("/bin/prog")).toThrow("libone.so");
    world.file("/etc/ld.so.cache", writeCache(cacheEntries([closure], flags)));
    bothSay(["/opt/x/libone.so  cache", "/usr/lib/libtwo.so  cache"]);
    const printed = execFileSync("/sbin/ldconfig", ["-p", "-C", `${world.root}/etc/ld.so.cache`], { encoding: "utf8" });
    expect(printed).toContain("libone.so (libc6,");
  });

  test("none is needed where the default directories have everything", () => {
    world.program("/bin/prog", { needs: ["/usr/lib/libtwo.so"] });
    expect(cacheEntries([world.closure("/bin/prog")], flags)).toEqual([]);
  });

  test("many entries stand in the order in which the loader seeks", () => {
    const names = [
      "lib1.so",
      "lib10.so",
      "lib9.so",
      "libA.so",
      "liba.so.1",
      "liba.so.10",
      "liba.so.9",
      "lib.so",
      "libone.so",
    ];
    const entries = names.map((soname) => ({ soname, path: "/opt/x/libone.so", flags }));
    for (const soname of names) {
      world.library("/stub/any.so", { soname }).program("/bin/prog", { needs: ["/stub/any.so"] });
      world.file("/etc/ld.so.cache", writeCache(entries));
      expect(world.loaderSays("/bin/prog")).toEqual(["/opt/x/libone.so"]);
    }
    expect(names.toSorted(compareNames).at(0)).toBe("lib.so");
  });
});

describe("reading a cache", () => {
  test("what we wrote comes back, in either byte order", () => {
    const entries = [
      { soname: "libb.so.2", path: "/x/libb.so.2", flags: 0x303 },
      { soname: "liba.so.10", path: "/x/liba.so.10", flags: 0x303 },
    ];
    for (const endianness of ["little", "big"] as const) {
      const read = readCache(writeCache(entries, endianness));
      expect([...read.values()].flat().toSorted((one, other) => (one.path < other.path ? 1 : -1))).toEqual(entries);
    }
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["something else", Buffer.from("glibc-ld.so.cache9.9".padEnd(200, "x"))],
    ["a count beyond the file", writeCache([{ soname: "a", path: "/a", flags: 3 }]).fill(0xff, 20, 24)],
    ["the old format without the new one behind it", Buffer.from("ld.so-1.7.0\0\xff\xff\xff\x7f", "latin1")],
  ])("%s is no cache", (_, bytes) => expect(readCache(bytes).size).toBe(0));

  test("this machine's, as ldconfig prints it", () => {
    const printed = execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" }).split("\n").slice(1);
    const expected = printed.flatMap(
      (line) => /^\t(\S.*) \(libc6(?:,[^)]*)?\) => (.*)$/.exec(line)?.slice(1).join(" ") ?? [],
    );
    const entries = [...readCache(readFileSync("/etc/ld.so.cache")).values()].flat();
    expect(entries.filter((each) => each.hwcaps === undefined).map((each) => `${each.soname} ${each.path}`)).toEqual(
      expect.arrayContaining(expected.filter((line) => !line.includes("glibc-hwcaps"))),
    );
  });
});
