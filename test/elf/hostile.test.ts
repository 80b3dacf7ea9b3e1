import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkSymbols, checkVersions } from "../../src/closure/check.ts";
import { outline } from "../../src/closure/outline.ts";
import { resolveClosure } from "../../src/loader/resolve.ts";
import { viewRoot } from "../../src/loader/root-view.ts";
import { Failure } from "../../src/system/errors.ts";
import { locate, type Root, type RootEntry } from "../../src/system/root.ts";
import { library } from "./tiny-library.ts";
import { hostLoader, tinyWorld } from "./tiny-world.ts";

/** A root in memory; a string is a link. Every path that is asked for is checked to be absolute and normal. */
function memoryRoot(files: ReadonlyMap<string, Buffer | string>): Root {
  const directories = new Set(["/"]);
  for (const file of files.keys()) {
    for (let at = file.lastIndexOf("/"); at > 0; at = file.lastIndexOf("/", at - 1)) directories.add(file.slice(0, at));
  }
  const entry = (path: string): RootEntry | undefined => {
    expect(path).toMatch(/^\/$|^(\/(?!\.{1,2}(\/|$))[^/]+)+$/);
    const content = files.get(path);
    if (content === undefined) return directories.has(path) ? { kind: "directory", size: 0, mode: 0o755 } : undefined;
    if (typeof content === "string") return { kind: "symlink", size: 0, mode: 0o777, target: content };
    return { kind: "file", size: content.length, mode: 0o755 };
  };
  return {
    entry,
    read: (path, position, length) => (files.get(path) as Buffer).subarray(position, position + length),
    names: (path) =>
      [...files.keys(), ...directories]
        .filter((each) => each !== "/" && each.startsWith(path === "/" ? "/" : `${path}/`))
        .map((each) => each.slice(path === "/" ? 1 : path.length + 1))
        .filter((each) => !each.includes("/")),
  };
}

/** Everything that can be asked about a file ends in an answer or in a Failure. */
function ask(root: Root, binary: string): void {
  const view = viewRoot(root);
  try {
    const closure = resolveClosure(view, binary, { threadUnwinder: true });
    outline(closure, () => ({ size: 1 }));
    checkVersions(view, closure);
    checkSymbols(view, closure);
    for (const file of closure.files) expect(locate(root, file.path)?.path).toBe(file.path);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.message).toMatch(/^cannot (resolve|check) '/);
  }
}

using world = tinyWorld();
world.library("/lib/libdeep.so", { source: "int deep(void) { return 1; }" });
world.library("/lib/libone.so", {
  needs: ["/lib/libdeep.so"],
  runpath: "$ORIGIN:/lib",
  source: "int deep(void); int one(void) { return deep(); }",
});
world.program("/bin/prog", {
  needs: ["/lib/libone.so"],
  runpath: "$ORIGIN/../lib",
  source: "int one(void); int prog(void) { return one(); }",
});
const names = [hostLoader, "/lib/libdeep.so", "/lib/libone.so", "/bin/prog"];
const sound = new Map(names.map((name) => [name, readFileSync(world.root + name)]));

/** Where a change hurts: the headers, the tables behind them, the dynamic section. */
const change = fc.record({
  file: fc.constantFrom(...names.slice(1)),
  offset: fc.oneof({ weight: 3, arbitrary: fc.nat(1200) }, { weight: 1, arbitrary: fc.nat(20_000) }),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 16 }),
    fc.constant(new Uint8Array(8).fill(0xff)),
    fc.constant(new Uint8Array(4).fill(0x7f)),
  ),
});

// Thousands of closures, on machines that are busy with other tests, too.
describe("altered files", { timeout: 180_000 }, () => {
  test("bytes changed anywhere: an answer or a sentence", () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const files = new Map([...sound].map(([name, bytes]) => [name, Buffer.from(bytes)]));
        for (const { file, offset, bytes } of changes) {
          const content = files.get(file);
          if (content !== undefined)
            content.set(bytes.subarray(0, Math.max(0, content.length - offset)), Math.min(offset, content.length));
        }
        ask(memoryRoot(files), "/bin/prog");
      }),
      { numRuns: 1500 },
    );
  }, 300_000);

  test("files cut off anywhere: an answer or a sentence", () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(17_000), (name, length) => {
        ask(memoryRoot(new Map([...sound, [name, sound.get(name)!.subarray(0, length)]])), "/bin/prog");
      }),
      { numRuns: 400 },
    );
  }, 300_000);

  test("noise behind a magic number: an answer or a sentence", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2000 }),
        fc.constantFrom("\x7fELF\x02\x01\x01", "\x7fELF\x01\x02\x01", "#!"),
        (noise, magic) => {
          ask(
            memoryRoot(new Map([...sound, ["/bin/prog", Buffer.concat([Buffer.from(magic, "latin1"), noise])]])),
            "/bin/prog",
          );
        },
      ),
      { numRuns: 600 },
    );
  }, 300_000);

  test("links at random never lead out of the root, nor for ever", () => {
    const name = fc.constantFrom("/lib/a", "/lib/b", "/opt", "/opt/a", "/usr", "/bin/c");
    const target = fc.constantFrom("/lib", "..", "../..", "a", "/opt/a/../b", "/bin/prog", "../../../../lib", ".", "");
    fc.assert(
      fc.property(fc.array(fc.tuple(name, target), { maxLength: 6 }), name, (links, asked) => {
        ask(memoryRoot(new Map<string, Buffer | string>([...sound, ...links])), `${asked}/prog`);
      }),
      { numRuns: 400 },
    );
  }, 300_000);
});

describe("large worlds", () => {
  test("a chain of 5000 libraries", () => {
    const count = 5000;
    const chain = Array.from(
      { length: count },
      (_, index) => [`/lib/l${index}`, library(`l${index}`, [`l${index + 1}`])] as const,
    );
    const root = memoryRoot(new Map([...chain, [`/lib/l${count}`, library(`l${count}`, ["l0"])]]));
    const view = viewRoot(root);
    const closure = resolveClosure(view, "/lib/l0");
    expect(closure.files.length).toBe(count);
    expect(outline(closure, () => ({ size: 1 })).split("\n")).toHaveLength(count + 1);
  });

  test("a library that needs 20000 others that are not there", () => {
    const needed = Array.from({ length: 20_000 }, (_, index) => `lib${index}.so`);
    const closure = resolveClosure(viewRoot(memoryRoot(new Map([["/lib/l", library("l", needed)]]))), "/lib/l");
    expect(closure.missing).toHaveLength(20_000);
  });

  test("a library that needs 4000 others and names 14000 directories to look into", () => {
    const needed = Array.from({ length: 4000 }, (_, index) => `lib${index}.so`);
    const list = Array.from({ length: 14_000 }, (_, index) => (index % 2 === 0 ? "/lib" : "/no")).join(":");
    const content = library("l", [...needed, list]);
    // The last DT_NEEDED becomes DT_RUNPATH.
    content.writeUInt32LE(29, 64 + 2 * 56 + (needed.length + 1) * 16);
    const closure = resolveClosure(viewRoot(memoryRoot(new Map([["/lib/l", content]]))), "/lib/l");
    expect(closure.missing).toHaveLength(4000);
  });
});
