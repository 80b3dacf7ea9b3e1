import { expect, it } from "vitest";
import { danglingLink, type Root } from "../../src/system/root.ts";

/** A root of directories, links (`-> target`) and files. */
function root(entries: Readonly<Record<string, string>>): Root {
  const kindOf = (text: string) => (text.startsWith("->") ? "symlink" : text === "/" ? "directory" : "file");
  return {
    entry: (path) => {
      const text = path === "/" ? "/" : entries[path];
      if (text === undefined) return undefined;
      const kind = kindOf(text);
      return { kind, size: 0, mode: 0o755, ...(kind === "symlink" ? { target: text.slice(3) } : {}) };
    },
    read: () => new Uint8Array(),
    names: () => [],
  };
}

const world = root({
  "/usr": "/",
  "/usr/bin": "/",
  "/bin": "-> usr/bin",
  "/usr/bin/there": "x",
  "/usr/bin/good": "-> there",
  "/usr/bin/bad": "-> ../lib/gone",
  "/usr/bin/first": "-> second",
  "/usr/bin/second": "-> /usr/bin/third",
  "/usr/bin/loop": "-> loop",
});

it.each([
  ["/usr/bin/there", undefined, "a file"],
  ["/usr/bin/good", undefined, "a link to a file"],
  ["/usr/bin/none", undefined, "nothing at all"],
  ["/usr/bin/bad", { link: "/usr/bin/bad", target: "/usr/lib/gone" }, "a link to nothing"],
  ["/bin/bad", { link: "/usr/bin/bad", target: "/usr/lib/gone" }, "through a directory's link"],
  ["/usr/bin/first", { link: "/usr/bin/second", target: "/usr/bin/third" }, "the last of several links is told"],
  ["/usr/bin/loop", undefined, "a loop leads nowhere that could be provided"],
  ["/gone/deep/file", undefined, "no way there"],
] as const)("%s: %j, %s", (wanted, expected, _) => expect(danglingLink(world, wanted)).toEqual(expected));
