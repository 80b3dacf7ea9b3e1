import { expect, it, vi } from "vitest";
import { createProgram } from "../../src/cli.ts";
import type { CommandContext } from "../../src/system/context.ts";
import { silent } from "../../src/system/log.ts";

const context: CommandContext = {
  log: silent,
  run: async () => "",
  print() {},
  printJson() {},
  relay() {},
  setExitCode() {},
};
const parse = (line: string) => createProgram(context, async () => {}).parse(line.split(" "));

it.each([
  // what is typed, sentence, hint
  [
    "scratch kea-dhcp4",
    "cannot use 'kea-dhcp4': dhcpd-build scratch takes no argument",
    "did you mean --recipe kea-dhcp4?",
  ],
  ["scratch arm64", "cannot use 'arm64': dhcpd-build scratch takes no argument", "did you mean --arch arm64?"],
  ["schema x", "cannot use 'x': dhcpd-build schema takes no argument", "see dhcpd-build schema --help"],
  ["verify a b", "cannot use 'b': dhcpd-build verify takes one argument", "see dhcpd-build verify --help"],
  ["diff a b c", "cannot use 'c': dhcpd-build diff takes 2 arguments", "see dhcpd-build diff --help"],
  [
    "--recipe dhcpd",
    "cannot use --recipe: dhcpd-build has no such option",
    "name the verb first, as in dhcpd-build scratch --recipe dhcpd",
  ],
  [
    "-r dhcpd",
    "cannot use -r: dhcpd-build has no such option",
    "name the verb first, as in dhcpd-build scratch -r dhcpd",
  ],
  [
    "verify --recipe x y",
    "cannot use --recipe: dhcpd-build verify has no such option",
    "--recipe is an option of dhcpd-build scratch; see dhcpd-build verify --help",
  ],
  [
    "scratch --archh=x",
    "cannot use --archh: dhcpd-build scratch has no such option",
    "did you mean --arch? see dhcpd-build scratch --help",
  ],
  [
    "plan fedora --verbos",
    "cannot use --verbos: dhcpd-build plan fedora has no such option",
    "did you mean --verbose? see dhcpd-build plan fedora --help",
  ],
  [
    "scratch --no-witness",
    "cannot use --no-witness: dhcpd-build scratch has no such option",
    "did you mean --no-loader-check? see dhcpd-build scratch --help",
  ],
  ["schema --xyz", "cannot use --xyz: dhcpd-build schema has no such option", "see dhcpd-build schema --help"],
  ["scrath", "cannot run 'scrath': dhcpd-build has no such verb", "did you mean dhcpd-build scratch?"],
  ["xyz", "cannot run 'xyz': dhcpd-build has no such verb", "see dhcpd-build --help"],
  ["plan fedor", "cannot run 'fedor': dhcpd-build plan has no such verb", "did you mean dhcpd-build plan fedora?"],
  ["help nope", "cannot run 'nope': dhcpd-build has no such verb", "see dhcpd-build --help"],
  [
    "help plan scrach",
    "cannot run 'scrach': dhcpd-build plan has no such verb",
    "did you mean dhcpd-build plan scratch?",
  ],
  ["verify", "cannot run dhcpd-build verify: <image> is missing", "see dhcpd-build verify --help"],
  ["scratch --arch", "cannot use --arch: its value is missing", "see dhcpd-build scratch --help"],
  ["quadlet --user --butane", "cannot use --user together with --butane", "see dhcpd-build quadlet --help"],
  ["sbom x --format spdxx", "cannot use 'spdxx' as --format", "did you mean spdx? It can be cyclonedx, spdx"],
  ["sbom x --format u", "cannot use 'u' as --format", "it can be cyclonedx, spdx"],
])("%s", async (line, message, hint) => {
  await expect(parse(line)).rejects.toMatchObject({ message, hint, kind: "usage" });
});

it.each([
  ["help scratch", "Usage: dhcpd-build scratch [options]"],
  ["help plan fedora", "Usage: dhcpd-build plan fedora [options]"],
  ["help", "Usage: dhcpd-build [options] [command]"],
])("%s prints the help of what it names, with the options of every verb", async (line, usage) => {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  await parse(line).finally(() => write.mockRestore());
  expect(printed.join("")).toContain(usage);
  expect(printed.join("")).toContain("--log-format");
});
