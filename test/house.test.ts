import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const project = path.resolve(import.meta.dirname, "..");
const read = (file: string) => readFileSync(path.join(project, file), "utf8");
const filesBelow = (directory: string, ending: string) =>
  readdirSync(path.join(project, directory), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => path.join(directory, name))
    .sort();
const sources = filesBelow("src", ".ts");
const rooms = [...new Set(sources.map(roomOf))];

/** Whom a room may import besides itself. A room with `type` before its name gives its types alone. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "system"],
  cli: ["commands", "system"],
  commands: ["draft", "recipe", "plan", "build", "proof", "report", "deploy", "image", "elf", "system"],
  build: ["plan", "packages", "elf", "rootfs", "image", "report", "system"],
  proof: ["plan", "rootfs", "image", "report", "system"],
  report: ["type plan", "type packages", "type elf", "type rootfs", "type image", "system"],
  deploy: ["type plan", "type recipe", "system"],
  image: ["type plan", "system"],
  rootfs: ["type elf", "type packages", "type plan", "system"],
  elf: ["type packages", "system"],
  packages: ["system"],
  draft: ["packages", "report", "system"],
  plan: ["type recipe", "system"],
  recipe: ["system"],
  system: [],
};

interface Import {
  readonly file: string;
  readonly what: string;
  readonly onlyTypes: boolean;
}

/** Every import and re-export of a file, `await import()` too. */
function importsOf(file: string): readonly Import[] {
  const text = read(file);
  const written = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^"';]*?from\s+"([^"]+)"/gm)].map(
    ([, type, what = ""]) => ({ file, what, onlyTypes: type !== undefined }),
  );
  const bare = [...text.matchAll(/^import\s+"([^"]+)"/gm)].map(([, what = ""]) => ({ file, what, onlyTypes: false }));
  const late = [...text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)].map(([, what = ""]) => ({
    file,
    what,
    onlyTypes: false,
  }));
  return [...written, ...bare, ...late];
}

/** `src/elf/read.ts` is in the room elf, `src/plan.ts` is the room plan. */
function roomOf(file: string): string {
  return path.relative("src", file).split(path.sep)[0]?.replace(/\.ts$/, "") ?? "";
}

const all = sources.flatMap(importsOf);
const own = all.filter(({ what }) => what.startsWith(".") && what.endsWith(".ts"));

describe("the rooms", () => {
  it.each(rooms)("%s is in the table", (room) => {
    expect(Object.keys(mayImport)).toContain(room);
  });

  it.each(rooms)("%s imports only whom it may", (room) => {
    const wrong = own
      .filter(({ file }) => roomOf(file) === room)
      .map(({ file, what, onlyTypes }) => ({ file, target: roomOf(path.join(path.dirname(file), what)), onlyTypes }))
      .filter(({ target, onlyTypes }) => {
        const allowed = mayImport[room] ?? [];
        return target !== room && !allowed.includes(target) && !(onlyTypes && allowed.includes(`type ${target}`));
      });
    expect(wrong).toEqual([]);
  });

  it.each(rooms.filter((room) => sources.some((file) => file.startsWith(`src/${room}/`))))(
    "the README names %s",
    (room) => {
      expect(read("README.adoc")).toMatch(new RegExp(`\\b${room}/`));
    },
  );
});

describe("every source file", () => {
  it("starts processes through system/run.ts alone", () => {
    const starters = all.filter(({ what }) => ["execa", "node:child_process", "child_process"].includes(what));
    expect([...new Set(starters.map(({ file }) => file))]).toEqual(["src/system/run.ts"]);
  });

  it("writes through the log or the context, never through console", () => {
    expect(sources.filter((file) => /\bconsole\./.test(read(file)))).toEqual([]);
  });

  it("ends the process in main.ts alone", () => {
    expect(
      sources.filter((file) => /\bprocess\.(exit\b|exitCode\b|kill\b)/.test(read(file)) && file !== "src/main.ts"),
    ).toEqual([]);
  });

  it("has no default export and no barrel", () => {
    expect(sources.filter((file) => /^export (default|\* from)/m.test(read(file)))).toEqual([]);
  });

  it("has at most 250 lines", () => {
    const long = sources.filter((file) => read(file).trimEnd().split("\n").length > 250);
    expect(long).toEqual([]);
  });

  it("is named by a noun of the domain, in lower case", () => {
    const vague = /^(utils?|helpers?|common|core|manager|misc|shared|types)\.ts$/;
    expect(
      sources.filter((file) => vague.test(path.basename(file)) || !/^[a-z0-9-]+\.ts$/.test(path.basename(file))),
    ).toEqual([]);
  });

  it("takes any service from a recipe: beside comments the word dhcpd is the default recipe's and the tool's own name only", () => {
    const knowing = sources.flatMap((file) =>
      read(file)
        .split("\n")
        .filter((line) => !/^\s*(\/?\*|\/\/)/.test(line) && /dhcpd/i.test(line.replaceAll("dhcpd-build", "")))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(knowing.filter((line) => !/default/i.test(line))).toEqual([]);
  });
});

it("zod comes as a namespace, of which the bundle has what is used: its own object `z` would bring every language", () => {
  const named = sources.filter((file) => /^import (?!(?:type )?\* as).*"zod";$/m.test(read(file)));
  expect(named).toEqual([]);
});

it("nothing that is shipped names a mirror or a registry but the base image of a recipe", () => {
  const shipped = [
    ...sources,
    ...filesBelow("recipes", ".yaml"),
    "README.adoc",
    "package.json",
    "package-lock.json",
    ".ci/run",
    ...filesBelow(".ci", ".mjs"),
  ];
  const host =
    /\b(?:[a-z0-9-]+\.)*(?:registry|deb|ftp|archive|security|mirrors?|dl|download)\.(?:[a-z0-9-]+\.)+(?:org|com|net)\b|\b(?:docker|quay|ghcr)\.io\//i;
  const naming = shipped.flatMap((file) =>
    read(file)
      .split("\n")
      // Debian's package of the Docker daemon has a registry's name.
      .filter((line) => host.test(line) && !/^\s*(?:base|dockerd):\s/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(naming).toEqual([]);
});
