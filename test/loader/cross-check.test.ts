import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { disagreements, parseListing } from "../../src/loader/cross-check.ts";
import { resolveClosure } from "../../src/loader/resolve.ts";
import { viewRoot } from "../../src/loader/root-view.ts";
import { openDirectoryRoot } from "../../src/system/root.ts";
import { hostLoader, type TinyWorld, tinyWorld } from "../elf/tiny-world.ts";

test.each([
  [
    "glibc",
    "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibone.so => /opt/my lib/libone.so (0x00007f1)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)\n",
    { files: ["/opt/my lib/libone.so", "/lib64/ld-linux-x86-64.so.2"], missing: [] },
  ],
  [
    "a missing library",
    "\tlibgone.so => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x1f)\n",
    { files: ["/lib/libc.so.6"], missing: ["libgone.so"] },
  ],
  ["nothing to load", "\tstatically linked\n", { files: [], missing: [] }],
  [
    "musl",
    "\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibc.so => /lib/ld-musl-x86_64.so.1 (0x7f)\n",
    { files: ["/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-x86_64.so.1"], missing: [] },
  ],
])("the loader's list of %s", (_, stdout, expected) => expect(parseListing(stdout)).toEqual(expected));

describe("the loader as a second witness", () => {
  let world: TinyWorld;
  beforeEach(() => {
    world = tinyWorld();
    world
      .library("/lib/libdeep.so")
      .library("/lib/libplug.so", { needs: ["/lib/libdeep.so"] })
      .library("/store/libone.so");
    world.link("/lib/libone.so", "../store/libone.so").program("/bin/prog", { needs: ["/store/libone.so"] });
  });
  afterEach(() => world[Symbol.dispose]());

  function compared(listing: string): readonly string[] {
    const view = viewRoot(openDirectoryRoot(world.root));
    return disagreements(view, resolveClosure(view, "/bin/prog", { plugins: ["libplug.so"] }), parseListing(listing));
  }

  test("agrees under other names of the same files, and on what is opened later", () => {
    expect(compared(`\tlibone.so => /lib/libone.so (0x1)\n\t${hostLoader} (0x2)\n`)).toEqual([]);
  });

  test("disagrees in a sentence each", () => {
    expect(compared("\tlibtwo.so => /lib/libtwo.so (0x1)\n\tlibgone.so => not found\n")).toEqual([
      "the loader also loads /lib/libtwo.so",
      "the loader does not load /store/libone.so (default)",
      "the loader misses libgone.so",
    ]);
  });
});
