import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { Buildah } from "../../src/image/buildah.ts";
import { installPackages, parseInstalled } from "../../src/install/install.ts";
import type { OsImagePlan } from "../../src/plan/plan.ts";
import type { Run } from "../../src/system/run.ts";
import { samplePlan } from "../report/sample.ts";

const line = (...fields: readonly string[]) => `${fields.join("\t")}\n`;

describe("installing packages into a base", () => {
  const own = { kind: "os", image: "localhost/served", base: "localhost/base:44", packages: ["server"] } as const;
  const { lock: _, ...common } = samplePlan;
  const plan: OsImagePlan = { ...common, ...own };
  /** The command lines of each start of the container, whose only program that prints something is the search for a package manager. */
  const inside = async (changed: Partial<OsImagePlan> = {}) => {
    const scratch = await mkdtemp(path.join(tmpdir(), "outside-"));
    const starts: (readonly string[])[] = [];
    const fake: Run = async (command) => {
      const words = command.slice(command.indexOf("sh") + 3);
      const printed = path.join(scratch, path.basename(words[0]!));
      const lines: string[] = [];
      for (let at = 1; at < words.length; ) {
        const count = Number(words[at + 1]);
        lines.push(words.slice(at + 2, at + 2 + count).join(" "));
        await writeFile(`${printed}.${lines.length}.out`, lines.at(-1)!.includes("command -v") ? "dnf5\n" : "");
        await writeFile(`${printed}.${lines.length}.code`, "0\n");
        at += 2 + count;
      }
      starts.push(lines.map((line) => line.replaceAll(/ --setopt=\S+/g, "")));
      return "";
    };
    const container = { name: "container", [Symbol.asyncDispose]: async () => {} };
    await installPackages({ ...plan, ...changed }, container, new Buildah(fake), { scratch, time: 0 });
    expect(await readdir(scratch)).toEqual([]);
    await rm(scratch, { recursive: true });
    return starts;
  };

  it("starts the container three times: to look, to install, and to tidy up", async () => {
    const starts = await inside();
    expect(starts.map((lines) => lines.map((line) => line.split(" ").slice(0, 2).join(" ")))).toEqual([
      ["sh -c", "rpm -qa"],
      ["dnf5 install", "mkdir -p", "chown -hR", "chmod o+rx", "rpm -qa", "sh -c"],
      ["rm -f"],
    ]);
  });

  it("gives the state to the service's user, and opens the way to its configuration", async () => {
    const service = { ...plan.service, config: ["/etc/served/one.conf", "/etc/served/more/two.conf"] };
    expect((await inside({ service }))[1]?.slice(0, 4)).toEqual([
      "dnf5 install -y server",
      "mkdir -p /var/lib/served /etc /etc/served /etc/served/more",
      "chown -hR 177:177 /var/lib/served",
      "chmod o+rx /etc /etc/served /etc/served/more",
    ]);
  });

  it("changes nothing for a service that keeps nothing and is not configured", async () => {
    const service = { ...plan.service, config: [], state: [] };
    expect((await inside({ service, directories: [] }))[1]?.slice(0, 2)).toEqual([
      "dnf5 install -y server",
      expect.stringMatching(/^rpm -qa /),
    ]);
  });
});

describe("the package database of an image", () => {
  const text =
    line(
      "setup",
      "0",
      "2.15.0",
      "1.fc44",
      "noarch",
      "setup-2.15.0-1.fc44.src.rpm",
      "MIT",
      "cd".repeat(32),
      "1700000000",
    ) +
    line("gpg-pubkey", "0", "105ef944", "65ca83d1", "(none)", "(none)", "pubkey", "", "1707770833") +
    line(
      "glibc",
      "0",
      "2.36",
      "9.fc44",
      "x86_64",
      "glibc-2.36-9.fc44.src.rpm",
      "LGPL-2.1-or-later",
      "ab",
      "1700000001",
    ) +
    line("glibc", "0", "2.36", "9.fc44", "i686", "glibc-2.36-9.fc44.src.rpm", "LGPL-2.1-or-later", "ef", "1700000001") +
    line(
      "dhcp-server",
      "12",
      "4.4.3",
      "27.P1.fc44",
      "x86_64",
      "dhcp-4.4.3-27.P1.fc44.src.rpm",
      "MPL-2.0",
      "12",
      "1700000002",
    );

  it("is a list by name and architecture; keys in it are no packages", () => {
    expect(parseInstalled(text).map(({ name, arch }) => `${name}.${arch}`)).toEqual([
      "dhcp-server.x86_64",
      "glibc.i686",
      "glibc.x86_64",
      "setup.noarch",
    ]);
  });

  it("says of a package all that a bill of materials wants; an epoch of 0 is none", () => {
    const [service, , , setup] = parseInstalled(text);
    expect(service).toEqual({
      name: "dhcp-server",
      version: "12:4.4.3-27.P1.fc44",
      upstreamVersion: "4.4.3",
      arch: "x86_64",
      sourceFile: "dhcp-4.4.3-27.P1.fc44.src.rpm",
      license: "MPL-2.0",
      sha256: "12",
      built: 1_700_000_002,
    });
    expect(setup?.version).toBe("2.15.0-1.fc44");
  });

  it("says what a package bundles, of all its provides", () => {
    const provides = "served = 1-1,bundled(zlib) = ,config(served) = 1-1,bundled(bind) = 9.11.36,";
    const [served] = parseInstalled(
      line("served", "0", "1", "1", "x86_64", "served-1-1.src.rpm", "MIT", "ab", "1", provides),
    );
    expect(served?.bundled).toBe("bundled(bind) = 9.11.36, bundled(zlib)");
  });

  it("is empty where nothing is printed", () => {
    expect(parseInstalled("")).toEqual([]);
  });
});
