import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { matchingPaths } from "../src/system/glob.ts";
import { openDirectoryRoot } from "../src/system/root.ts";

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
  main: ["program"],
  program: ["cli", "system"],
  cli: ["commands", "system"],
  commands: [
    ...["recipe", "plan", "pipeline", "packages", "elf", "loader", "closure", "image", "registry", "install", "lock"],
    ...["report", "proof", "deploy", "init", "system"],
  ],
  pipeline: [
    ...["type plan", "packages", "loader", "closure", "rootfs", "image", "install", "lock", "report", "system"],
  ],
  proof: ["type plan", "packages", "image", "report", "system"],
  lock: ["type plan", "type packages", "type rootfs", "type image", "type install", "system"],
  report: [
    "type plan",
    "type packages",
    "type elf",
    "type loader",
    "type rootfs",
    "type image",
    "type install",
    "system",
  ],
  deploy: ["type plan", "system"],
  init: ["packages", "report", "system"],
  registry: ["image", "system"],
  install: ["type plan", "image", "lock", "system"],
  image: ["type plan", "system"],
  rootfs: ["type plan", "type packages", "type loader", "type closure", "system"],
  closure: ["type packages", "elf", "loader", "system"],
  loader: ["elf", "system"],
  elf: ["system"],
  packages: ["lock", "system"],
  plan: ["type recipe", "type lock", "system"],
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

/** `src/elf/read.ts` is in the room elf, `src/cli.ts` is the room cli. */
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

  it("no file imports itself through others, types included", () => {
    const importsOfFile = (importer: string) =>
      own.filter(({ file }) => file === importer).map(({ file, what }) => path.join(path.dirname(file), what));
    const done = new Set<string>();
    const cycleFrom = (file: string, trail: readonly string[]): readonly string[] | undefined => {
      if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
      if (done.has(file)) return undefined;
      for (const next of importsOfFile(file)) {
        const cycle = cycleFrom(next, [...trail, file]);
        if (cycle !== undefined) return cycle;
      }
      done.add(file);
      return undefined;
    };
    expect(sources.map((file) => cycleFrom(file, [])).filter((cycle) => cycle !== undefined)).toEqual([]);
  });

  it("the page on Fedora names files that exist", () => {
    const named = [...read("docs/fedora.adoc").matchAll(/`((?:src|recipes|test|\.ci)\/[\w./*-]+)`/g)].map(
      ([, file = ""]) => file,
    );
    expect(named.length).toBeGreaterThan(10);
    const isThere = (file: string) => matchingPaths(openDirectoryRoot(project), `/${file}`).length > 0;
    expect(named.filter((file) => !isThere(file))).toEqual([]);
  });

  it.each(rooms.filter((room) => sources.some((file) => file.startsWith(`src/${room}/`))))(
    "the contributors' page names %s",
    (room) => {
      expect(read("docs/contributing.adoc")).toContain(`\`${room}/\``);
    },
  );
});

const linesOf = (file: string) => read(file).trimEnd().split("\n").length;

/** Short files that would only hide in another one, with the subject that they have. */
const shortFiles: Readonly<Record<string, string>> = {
  "src/system/own-files.ts": "removing a file of this user with what is mounted in it",
  "src/elf/errors.ts": "what can be wrong with a file",
  "src/elf/linker-input.ts": "files for linkers",
  "src/elf/shebang.ts": "the first line of scripts",
  "src/main.ts": "the start, which opens nothing",
  "src/init/declarations.ts": "sysusers.d(5), tmpfiles.d(5)",
  "src/init/open-package.ts": "a package without a plan",
  "src/packages/apt/copyright.ts": "the machine-readable copyright format",
  "src/packages/apt/release.ts": "Release files",
  "src/plan/request.ts": "what a plan is made from besides the recipe",
  "src/proof/pool.ts": "a bound on what runs at a time",
  "src/proof/sandbox/runtime.ts": "where the OCI runtime and podman's init are",
  "src/rootfs/unpack.ts": "a tree on disk",
  "src/system/context.ts": "what a verb is given",
  "src/system/directories.ts": "making directories",
  "src/system/family.ts": "the packaging families",
  "src/system/os-release.ts": "os-release(5)",
  "src/system/time.ts": "times as people write them",
  "src/system/version.ts": "this program's version",
};

function isShortForAReason(file: string): boolean {
  return file.startsWith("src/commands/") || shortFiles[file] !== undefined;
}

describe("every source file", () => {
  it("starts processes through system/run.ts alone", () => {
    const starters = all.filter(({ what }) => ["execa", "node:child_process", "child_process"].includes(what));
    expect([...new Set(starters.map(({ file }) => file))]).toEqual(["src/system/run.ts"]);
  });

  it("of a verb is loaded by cli.ts and imports plainly what it needs", () => {
    const lazy = ["src/commands/doctor.ts", "src/commands/user-namespace.ts"];
    const importers = sources.filter((file) => /\bimport\(/.test(read(file)) && file.startsWith("src/commands/"));
    expect(importers.filter((file) => !lazy.includes(file))).toEqual([]);
  });

  it("writes through the log or the context, never through console", () => {
    expect(sources.filter((file) => /\bconsole\./.test(read(file)))).toEqual([]);
  });

  it("sets the exit code where the program starts, and nowhere else", () => {
    expect(
      sources.filter(
        (file) =>
          /\bprocess\.(exit\b|exitCode\b|kill\b)/.test(read(file)) && !["src/main.ts", "src/program.ts"].includes(file),
      ),
    ).toEqual([]);
  });

  it("has no default export and no barrel", () => {
    expect(sources.filter((file) => /^export (default|\* from)/m.test(read(file)))).toEqual([]);
  });

  it("has at most 400 lines", () => {
    expect(sources.filter((file) => linesOf(file) > 400)).toEqual([]);
  });

  it("has at least 40 lines, unless it is one subject of its own", () => {
    expect(sources.filter((file) => linesOf(file) < 40 && !isShortForAReason(file))).toEqual([]);
  });

  it("is named by a noun of the domain, in lower case", () => {
    const vague = /^(utils?|helpers?|common|core|manager|misc|shared|types|index)\.ts$/;
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
