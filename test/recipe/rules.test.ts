import { expect, it } from "vitest";
import { parseRecipe } from "../../src/recipe/parse.ts";
import { nearest } from "../../src/system/nearest.ts";
import { withLine } from "./text.ts";

it.each([
  [
    "there is an image to build",
    withLine("fedora:\n", "").replace(/ {2}base.*(?=checks:)/s, ""),
    "1:1: needs scratch, fedora or both: there is no image to build otherwise",
  ],
  [
    "there are packages",
    withLine("    fedora: [echo-server]\n    debian: [echod]\n", "    {}\n"),
    "15:3: scratch.packages: needs packages of at least one family: debian, fedora",
  ],
  [
    "a list has something",
    withLine("[echo-server]\nscratch", "[]\nscratch"),
    "12:3: fedora.packages: needs at least one package",
  ],
  ["a command has a program", withLine("[/usr/sbin/echod, -f]", "[]"), "6:3: service.command[0]: is missing"],
  [
    "a command's program is a path",
    withLine("[/usr/sbin/echod, -f]", "[echod -f]"),
    "6:13: service.command[0]: must be an absolute path",
  ],
  [
    "a command is no shell line",
    withLine("[/usr/sbin/echod, -f]", "/usr/sbin/echod -f"),
    "6:12: service.command: must be a list; write [/usr/sbin/echod -f]",
  ],
  [
    "a license is one of SPDX",
    withLine("license: MIT", "license: GPL"),
    "3:10: license: `GPL` is no SPDX license; did you mean GPL-2.0-only?",
  ],
  [
    "nothing is listed twice",
    withLine("[x86_64, aarch64]", "[x86_64, aarch64, x86_64]"),
    "4:27: arches[2]: `x86_64` is in the list already",
  ],
  [
    "no file is written twice",
    withLine("[echod]", "[echod]\n  files: [{ path: /a, content: x }, { path: /a, content: y }]"),
    "15:37: scratch.files[1]: `/a` is in the list already",
  ],
  [
    "no file is where a directory is",
    withLine("[echod]", "[echod]\n  files: [{ path: /var/lib/echod, content: x }]"),
    "15:11: scratch.files[0]: `/var/lib/echod` is a directory of the recipe",
  ],
  [
    "no file has something in it",
    withLine("[echod]", "[echod]\n  files: [{ path: /var/lib, content: x }]"),
    "15:11: scratch.files[0]: is a file, and /var/lib/echod lies in it",
  ],
  [
    "a mistake is one line, whatever the value is",
    withLine("[x86_64, aarch64]", '["x\\n86\\e"]'),
    "4:10: arches[0]: `x\\x0a86\\x1b` is no architecture; known are x86_64, aarch64",
  ],
  [
    "a configuration is not in a volume of state",
    withLine("/etc/echod.conf", "/var/lib/echod/conf"),
    "8:12: service.config[0]: lies in the state directory /var/lib/echod, whose volume would hide it",
  ],
  [
    "a state directory is not in another one",
    withLine("[/var/lib/echod]", "[/var/lib/echod, /var/lib]"),
    "9:11: service.state[0]: lies in the state directory /var/lib, whose volume would hide it",
  ],
  [
    "a runtime directory is not in a volume of state",
    withLine("[/var/lib/echod]", "[/run]\n  runtime: [/run/echod]"),
    "10:13: service.runtime[0]: lies in the state directory /run, whose volume would hide it",
  ],
  [
    "a runtime directory is where memory is, even in a read-only container",
    withLine("[/var/lib/echod]", "[/var/lib/echod]\n  runtime: [/var/cache/echod]"),
    "10:13: service.runtime[0]: must lie below /run, /tmp or /var/tmp, which are empty at every start of a read-only container",
  ],
  [
    "a check is of one kind",
    withLine("    run: [/usr/sbin/echod, --version]", "    run: [/usr/sbin/echod]\n    stop: { within: 2s }"),
    "19:5: checks[0]: must say exactly one of run, lease, stop",
  ],
  [
    "an exit code and an output are those of a command",
    withLine("run: [/usr/sbin/echod, --version]", "stop: { within: 2s }\n    exit: 1"),
    "19:5: checks[0]: has exit or output, which belong to run",
  ],
  [
    "an output is a regular expression",
    withLine("    run:", '    output: "(echod"\n    run:'),
    "20:13: checks[0].output: must be a regular expression",
  ],
  [
    "a check lays files over absolute paths",
    withLine("    run:", "    files: { etc/x: y }\n    run:"),
    '20:14: checks[0].files["etc/x"]: must be an absolute path',
  ],
  [
    "a lease is of DHCPv4 or DHCPv6",
    withLine("run: [/usr/sbin/echod, --version]", "lease: { family: 5, server: 192.0.2.1/24 }"),
    "20:22: checks[0].lease.family: must be 4 or 6",
  ],
  [
    "a server's address is of the lease's family",
    withLine("run: [/usr/sbin/echod, --version]", "lease: { family: 6, server: 192.0.2.1/24 }"),
    "20:33: checks[0].lease.server: must be an IPv6 address with its prefix such as 2001:db8::1/64",
  ],
  [
    "what is unproven has a reason",
    `${withLine("", "")}unproven: [{ path: /a }]\n`,
    "21:12: unproven[0].reason: is missing",
  ],
])("%s", (_, text, mistake) => {
  expect(() => parseRecipe(text, "r.yaml")).toThrow(`cannot use the recipe r.yaml: 1 mistake\nr.yaml:${mistake}`);
});

it.each([
  ["titel", "title"],
  ["Licence", "license"],
  ["pakages", "packages"],
  ["sevrice", "service"],
  ["volumes", undefined],
  ["", undefined],
])("the word nearest to %j is %s", (word, expected) => {
  expect(nearest(word, ["title", "license", "packages", "service"])).toBe(expected);
});

it("a word of a million letters is near to none, at once", () => {
  expect(nearest("x".repeat(1_000_000), ["title"])).toBeUndefined();
});
