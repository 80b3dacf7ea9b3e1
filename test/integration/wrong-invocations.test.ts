import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

/** A recipe with one value that is wrong. */
const recipeWith = (lines: string) => `name: echo
title: Echo server
license: MIT
arches: [x86_64]
service:
  command: [/usr/sbin/echod]
${lines}
scratch: { binaries: [echod], packages: { debian: [isc-dhcp-srver] } }
checks: [{ name: it stops, stop: { within: 2 } }]
`;

describe.runIf(requireTools("buildah", "podman", "apt-get"))(
  "what is typed wrong is answered with what is right",
  () => {
    let workshop: Workshop;
    let directory: string;
    beforeAll(async () => {
      [workshop, directory] = await Promise.all([createWorkshop(), mkdtemp(path.join(tmpdir(), "wrong-"))]);
      await workshop.build(["--arch", "x86_64", "--from", "debian"]);
      await writeFile(
        path.join(directory, "wrong.yaml"),
        recipeWith("  user: 177\n  ports: [67]\n  capabilities: [NET_BIND]"),
      );
      await writeFile(
        path.join(directory, "package.yaml"),
        recipeWith('  user: "7:7"').replace("within: 2 ", "within: 2s "),
      );
    });
    afterAll(async () => {
      await rm(directory, { recursive: true });
      await workshop[Symbol.asyncDispose]();
    });

    it.each<[string, number, string]>([
      // what is typed, exit code, part of what is printed
      ["scratch kea-dhcp4", 2, "did you mean --recipe kea-dhcp4?"],
      ["--recipe dhcpd", 2, "name the verb first, as in dhcpd-build scratch --recipe dhcpd"],
      ["help nope", 2, "cannot run 'nope'"],
      ["sbom localhost/dhcpd:latest", 1, "did you mean localhost/dhcpd:latest-x86_64?"],
      ["verify dhcpd:latest-x86_65", 1, "did you mean localhost/dhcpd:latest-x86_64?"],
      ["prove dhcdp", 1, "did you mean localhost/dhcpd:latest-x86_64?"],
      ["plan scratch --arch amd64,arm64", 0, '"arch": "aarch64"'],
      ["scratch --arch x86-64", 2, "did you mean x86_64? known are x86_64 (amd64), aarch64 (arm64) and all"],
      ["plan scratch --recipe wrong.yaml", 2, `service.user: must be a user's and a group's number; write "177:177"`],
      ["plan scratch --recipe wrong.yaml", 2, "write 67/udp or 67/tcp"],
      ["plan scratch --recipe wrong.yaml", 2, "did you mean NET_BIND_SERVICE?"],
      ["plan scratch --recipe wrong.yaml", 2, "must be a time with its unit; write 2s"],
      ["scratch --recipe package.yaml --from debian", 1, "did you mean isc-dhcp-server?"],
      [
        "init dhcpd --from debian",
        1,
        "uses the package isc-dhcp-server or dhcp-server: dhcpd-build scratch --recipe dhcpd",
      ],
      ["init redis --from debian", 1, "dhcpd-build init redis-server"],
      ["init postgresql --from debian", 1, "dhcpd-build init postgresql-1"],
      ["init bash --from debian", 1, "cannot write a recipe for bash: it has no service"],
      ["why dhcpd dhcpd", 0, "the recipe asks for this program"],
      ["why dhcpd nothing-like-it", 1, "lists every path"],
      ["quadlet --address 192.0.2.1/24", 2, "add --butane"],
      ["quadlet --recipe kea-dhcp4 --image dhcpd:latest-x86_64", 2, "it is an image of dhcpd"],
      ["quadlet --arch riscv64", 2, "cannot use the architecture 'riscv64'"],
      ["sbom nginx", 1, "cannot find image nginx in the local store"],
      ["plan scratch --recipe nginx", 2, "cannot find the recipe 'nginx'"],
      ["closure sh", 0, "(interpreter"],
    ])("%s", async (line, code, part) => {
      const { stdout, stderr, exitCode } = await workshop.run(line.split(" "), { cwd: directory });
      expect(`${stdout}${stderr}`).toContain(part);
      expect(exitCode).toBe(code);
    });

    it("a host without apt is told which package has it", async () => {
      const env = { PATH: directory, XDG_CACHE_HOME: directory };
      const { stderr, exitCode } = await workshop.run(["lock", "--lock-file", path.join(directory, "a.lock")], { env });
      expect(stderr).toMatch(/^error: cannot run 'apt-config dump': it is not installed$/m);
      expect(stderr).toMatch(/^hint: it is in the package apt; dhcpd-build doctor lists what this host lacks$/m);
      expect(exitCode).toBe(1);
    });

    it.each(["sbom dhcpd", "verify dhcpd", "scratch"])("%s with a broken configuration of the store", async (line) => {
      const file = path.join(directory, "broken.conf");
      await writeFile(file, "broken[[");
      const { stderr, exitCode } = await workshop.run(line.split(" "), { env: { CONTAINERS_STORAGE_CONF: file } });
      expect(stderr).toContain("cannot use the containers store: its configuration cannot be read: toml: line 1");
      expect(exitCode).toBe(1);
    });
  },
);
