import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../src/recipe/parse.ts";
import { Failure } from "../../src/system/errors.ts";
import { rightRecipe, withLine } from "./text.ts";

/** The lines of a refusal, without the heading that counts them. */
function mistakesIn(text: string): readonly string[] {
  try {
    parseRecipe(text, "r.yaml");
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.kind).toBe("usage");
    const [heading, ...lines] = error.message.split("\n");
    expect(heading).toMatch(/^cannot use the recipe r\.yaml: /);
    return lines.length === 0 ? [heading ?? ""] : lines;
  }
}

describe("a right recipe", () => {
  it("gets its defaults", () => {
    const { service, scratch, checks, unproven } = parseRecipe(rightRecipe, "r.yaml");
    expect(service).toMatchObject({ capabilities: [], ports: [], init: false, environment: {} });
    expect(scratch).toMatchObject({ files: [], directories: [] });
    expect({ checks: checks.length, unproven }).toEqual({ checks: 1, unproven: [] });
  });

  it("keeps the order of the families, for the first is the default", () => {
    expect(Object.keys(parseRecipe(rightRecipe, "r.yaml").scratch?.packages ?? {})).toEqual(["fedora", "debian"]);
  });

  it("may write a number in a command without quotes where it stays the same", () => {
    const { service } = parseRecipe(withLine("/usr/sbin/echod, -f]", "/usr/sbin/echod, -4, 8080, 1.5]"), "r.yaml");
    expect(service.command).toEqual(["/usr/sbin/echod", "-4", "8080", "1.5"]);
  });

  it("reads `no` and 22:22 as text, whatever YAML 1.1 thought of them", () => {
    const { title, service } = parseRecipe(
      `%YAML 1.1\n---\n${withLine("7:7", "22:22").replace("Echo server", "no")}`,
      "r.yaml",
    );
    expect([title, service.user]).toEqual(["no", "22:22"]);
  });

  it.each([
    ["a byte order mark", `\uFEFF${rightRecipe}`],
    ["lines that end as on Windows", rightRecipe.replaceAll("\n", "\r\n")],
    ["JSON, which is YAML", JSON.stringify(parseRecipe(rightRecipe, "r.yaml"))],
  ])("may have %s", (_, text) => {
    expect(mistakesIn(text)).toEqual([]);
  });
});

describe("a mistake is told at its place", () => {
  it.each([
    // sentence, text, mistakes
    [
      "an unknown key with the nearest known one",
      withLine("title: Echo", "titel: Echo"),
      ["r.yaml:1:1: title: is missing", "r.yaml:2:1: titel: unknown key; did you mean title?"],
    ],
    [
      "an unknown key that is near to none",
      withLine("  user: 7:7", "  user: 7:7\n  shell: /bin/sh"),
      [
        "r.yaml:8:3: service.shell: unknown key; known here are command, user, capabilities, ports, config, state, runtime, init, health, environment",
      ],
    ],
    [
      "a family that is not known",
      withLine("    debian:", "    debain:"),
      ["r.yaml:17:5: scratch.packages.debain: unknown key; did you mean debian?"],
    ],
    [
      "a key of an earlier version",
      withLine("  binaries: [echod]", "  binaries: [echod]\n  considered: [locale]"),
      ["r.yaml:15:3: scratch.considered: unknown key; did you mean ignoreHints?"],
    ],
    ["a missing key at the map that lacks it", withLine("  user: 7:7\n", ""), ["r.yaml:5:1: service.user: is missing"]],
    ["an empty value at its key", withLine("user: 7:7", "user:"), ["r.yaml:7:3: service.user: is empty"]],
    [
      "a version that YAML reads as a number",
      withLine("title: Echo server", "title: 1.10"),
      ['r.yaml:2:8: title: 1.10 without quotes is the number 1.1 to YAML; write "1.10"'],
    ],
    [
      "such a number under an unknown key too",
      withLine("title: Echo server", "title: Echo server\nversion: 1.10"),
      [
        "r.yaml:3:1: version: unknown key; known here are name, title, license, source, arches, service, fedora, scratch, checks, unproven",
        'r.yaml:3:10: version: 1.10 without quotes is the number 1.1 to YAML; write "1.10"',
      ],
    ],
    [
      "a mode that YAML reads as decimal",
      withLine("  binaries: [echod]", "  binaries: [echod]\n  files: [{ path: /a, content: x, mode: 0755 }]"),
      ['r.yaml:15:41: scratch.files[0].mode: 0755 without quotes is the number 755 to YAML; write "0755"'],
    ],
    [
      "a mode in YAML's own octal",
      withLine("  binaries: [echod]", "  binaries: [echod]\n  files: [{ path: /a, content: x, mode: 0o755 }]"),
      ['r.yaml:15:41: scratch.files[0].mode: 0o755 without quotes is the number 493 to YAML; write "0755"'],
    ],
    [
      "a number that a command would get in other letters",
      withLine("/usr/sbin/echod, -f]", "/usr/sbin/echod, 007]"),
      ['r.yaml:6:30: service.command[1]: 007 without quotes is the number 7 to YAML; write "007"'],
    ],
    [
      "a number where text should be",
      withLine("name: echo", "name: 5"),
      ['r.yaml:1:7: name: must be text; write "5" in quotes'],
    ],
    [
      "a truth value where text should be",
      withLine("title: Echo server", "title: true"),
      ['r.yaml:2:8: title: must be text; write "true" in quotes'],
    ],
    [
      "a number where only another text than its own is right",
      withLine("user: 7:7", "user: 177"),
      [`r.yaml:7:9: service.user: must be a user's and a group's number; write "177:177"`],
    ],
    [
      "ports without a protocol, and no list either",
      withLine("  user: 7:7", "  user: 7:7\n  ports: 67"),
      [
        "r.yaml:8:10: service.ports: must be a list, and an entry must be a port from 1 to 65535 and its protocol; write 67/udp or 67/tcp",
      ],
    ],
    [
      "ports without a protocol",
      withLine("  user: 7:7", "  user: 7:7\n  ports: [67, 0067]"),
      [
        "r.yaml:8:11: service.ports[0]: must be a port from 1 to 65535 and its protocol; write 67/udp or 67/tcp",
        "r.yaml:8:15: service.ports[1]: must be a port from 1 to 65535 and its protocol such as 67/udp",
      ],
    ],
    [
      "a time without a unit",
      withLine("run: [/usr/sbin/echod, --version]", "stop: { within: 2 }"),
      ["r.yaml:20:21: checks[0].stop.within: must be a time with its unit; write 2s"],
    ],
    [
      "a number in YAML's own octal where a number is right",
      withLine("    run: [/usr", "    exit: 0o17\n    run: [/usr"),
      ["r.yaml:20:11: checks[0].exit: 0o17 without quotes is the number 15 to YAML; write 15"],
    ],
    [
      "yes where a truth value should be",
      withLine("  user: 7:7", "  user: 7:7\n  init: yes"),
      ["r.yaml:8:9: service.init: must be true or false; write true"],
    ],
    [
      "off where a truth value should be",
      withLine("  user: 7:7", "  user: 7:7\n  init: off"),
      ["r.yaml:8:9: service.init: must be true or false; write false"],
    ],
    [
      "one value where a list should be",
      withLine("config: [/etc/echod.conf]", "config: /etc/echod.conf"),
      ["r.yaml:8:11: service.config: must be a list; write [/etc/echod.conf]"],
    ],
    [
      "a key that is given twice",
      withLine("license: MIT", "license: MIT\nlicense: MIT"),
      ["r.yaml:4:1: license: this key is in the map already"],
    ],
    [
      "an alias",
      withLine("[echo-server]\nscratch", "&p [echo-server]\nscratch").replace("[echod]\nchecks", "*p\nchecks"),
      ["r.yaml:17:13: scratch.packages.debian: *p is an alias; write the value itself"],
    ],
    ["a tag", withLine("echo\n", "!secret echo\n"), ["r.yaml:1:7: a recipe has no tags"]],
    ["a tab", "name: echo\nservice:\n\tuser: 7:7\n", ["r.yaml:3:1: a tab indents nothing in YAML; use spaces"]],
    [
      "a key that is no text",
      withLine("name: echo", "? [name]\n: echo"),
      ["r.yaml:1:3: a key must be text; write it in quotes"],
    ],
    [
      "a second document",
      `${rightRecipe}---\n${rightRecipe}`,
      ["r.yaml:21:1: a second document begins here; a recipe is one"],
    ],
    [
      "every piece of broken YAML",
      'name: [echo\ntitle: "Echo\n',
      [
        "r.yaml:2:1: broken YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
        'r.yaml:3:1: broken YAML: Missing closing "quote',
      ],
    ],
    ["a list instead of a recipe", "- name: echo\n", ["r.yaml:1:1: must be a map of keys and values"]],
    ["nothing at all", "", ["cannot use the recipe r.yaml: it is empty"]],
    ["only a comment", "# name: echo\n", ["cannot use the recipe r.yaml: it is empty"]],
    ["ten thousand brackets", "[".repeat(10_000), ["cannot use the recipe r.yaml: it is nested too deeply"]],
    ["ten thousand dashes", "- ".repeat(10_000), ["cannot use the recipe r.yaml: it is nested too deeply"]],
  ])("%s", (_, text, mistakes) => {
    expect(mistakesIn(text)).toEqual(mistakes);
  });

  it("and all of them at once, in the order of the text", () => {
    const text = withLine("name: echo", "name: Echo")
      .replace("[x86_64, aarch64]", "[amd64]")
      .replace("7:7", "root")
      .replace("/var/lib/echod", "/etc");
    expect(mistakesIn(text).map((line) => line.split(": ", 2).join(": "))).toEqual([
      "r.yaml:1:7: name",
      "r.yaml:4:10: arches[0]",
      "r.yaml:7:9: service.user",
      "r.yaml:8:12: service.config[0]",
    ]);
  });

  it("and two hundred of them at most", () => {
    const lines = mistakesIn(Array.from({ length: 1000 }, (_, index) => `key${index}: 1`).join("\n"));
    expect([lines.length, lines.at(-1)]).toEqual([201, "... and 806 more"]);
  });
});

describe("whatever the text is, it is a recipe or a sentence", () => {
  const onlyFailures = (text: string) => {
    try {
      parseRecipe(text, "r.yaml");
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== "usage") throw error;
    }
  };
  const yamlish = fc.array(
    fc.oneof(
      fc.constantFrom(
        ..."[]{}:,-?|>&*!%@#'\"\n\t ~".split(""),
        "- ",
        ": ",
        "? ",
        "<<: ",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
      ),
      fc.constantFrom(
        "name",
        "service",
        "scratch",
        "files",
        "path",
        "__proto__",
        "constructor",
        "null",
        "0755",
        ".nan",
      ),
      fc.string({ maxLength: 4, unit: "binary" }),
    ),
    { maxLength: 40 },
  );

  it("any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), onlyFailures));
  });

  it("text of YAML's own pieces", () => {
    fc.assert(
      fc.property(yamlish, (pieces) => onlyFailures(pieces.join(""))),
      { numRuns: 500 },
    );
  });

  it("a recipe with a piece of it replaced", () => {
    const place = fc.nat(rightRecipe.length);
    fc.assert(
      fc.property(place, fc.nat(30), yamlish, (start, length, pieces) =>
        onlyFailures(rightRecipe.slice(0, start) + pieces.join("") + rightRecipe.slice(start + length)),
      ),
      { numRuns: 500 },
    );
  });

  it("any JSON value", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => onlyFailures(JSON.stringify(value))));
  });
});
