import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Ended } from "../support/cli.ts";
import { createHostDnf, damageAll, type HostDnf, throughConfiguration } from "../support/fedora.ts";
import { run } from "../support/run.ts";
import { type StandIn, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const library = "libtasn1-4.19.0-2.fc44.x86_64.rpm";

describe.runIf(requireTools(...standInTools, "root", "buildah", "dnf", "rpmkeys", "rpm2archive", "unshare"))(
  "RPM packages by this machine's own dnf",
  () => {
    let world: StandIn;
    let workshop: Workshop;
    let host: HostDnf;
    const scratch = (...args: readonly string[]): Promise<Ended> =>
      workshop.run(["scratch", "--from", "fedora", "--arch", "x86_64", ...args], { through: host.through });
    const build = async (...args: readonly string[]) => {
      const { stdout, stderr, exitCode } = await scratch("--json", ...args);
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
      return (JSON.parse(stdout) as { images: readonly BuiltImage[] }).images[0]!;
    };
    /** Metadata that fits the files there are now. */
    const index = () => run(["createrepo_c", "--quiet", "--no-database", host.repository]);
    const damage = async () => {
      const file = path.join(host.repository, library);
      const bytes = await readFile(file);
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 0xff, bytes.length - 100);
      await writeFile(file, bytes);
    };

    beforeAll(async () => {
      world = await standIn();
    }, 600_000);
    beforeEach(async () => {
      workshop = await createWorkshop();
      host = await createHostDnf(world);
    });
    afterEach(async () => {
      const left = await workshop.leftovers();
      await workshop[Symbol.asyncDispose]();
      await rm(path.dirname(host.key), { recursive: true });
      expect(left).toEqual([]);
    });

    it("build offline once everything is fetched, and what was damaged in the cache meanwhile is never used", async () => {
      const first = await build();
      const away = `${host.repository}.away`;
      await rename(host.repository, away);
      expect(await build("--force")).toEqual(first);
      // What dnf answers, payloads, headers: all of it.
      await damageAll(path.join(workshop.cache, "sha256"));
      expect(await scratch("--force")).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^error: cannot (download|ask dnf about) .*$/m),
      });
      await rename(away, host.repository);
      expect(await build("--force")).toEqual(first);
    });

    it("that are away are missed by name when they must be new", async () => {
      await rm(host.repository, { recursive: true });
      const { stderr, exitCode } = await scratch();
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(
        /^error: cannot fetch the repositories' metadata: Failed to download metadata for repo 'standin'/m,
      );
      expect(stderr).toMatch(/^hint: check the network and the repositories with: dnf makecache$/m);
    });

    it("without their signature are not used", async () => {
      await run(["rpmsign", "--delsign", path.join(host.repository, library)]);
      await index();
      const { stderr, exitCode } = await scratch();
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`error: cannot trust ${library}: it is not signed\n`);
      expect(stderr).toContain(`hint: the keys are file://${host.key}\n`);
    });

    it("by an unknown key are not used, even where another configuration trusted them", async () => {
      await build();
      const home = await mkdtemp(path.join(tmpdir(), "gpg-"));
      const env = { GNUPGHOME: home };
      try {
        const generate = ["--passphrase", "", "--quick-generate-key", "somebody else", "rsa3072", "sign", "never"];
        await run(["gpg", "--batch", "--quiet", ...generate], { env });
        await writeFile(host.key, await run(["gpg", "--armor", "--export", "somebody else"], { env }));
      } finally {
        await run(["gpgconf", "--kill", "gpg-agent"], { env });
        await rm(home, { recursive: true, force: true });
      }
      const repos = path.join(path.dirname(host.key), "repos.d");
      await cp(repos, `${repos}.other`, { recursive: true });
      host = { ...host, through: await throughConfiguration(`${repos}.other`, path.dirname(host.key)) };
      const { stderr, exitCode } = await scratch("--force");
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(
        /^error: cannot trust \S+\.rpm: it is signed by the key [0-9a-f]{8,40}, which is not among the repository's keys$/m,
      );
    });

    it("that are damaged on the way are refused by their checksum, and before they were indexed by their signature", async () => {
      await damage();
      const onTheWay = await scratch();
      expect(onTheWay).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^error: cannot download .*libtasn1/m),
      });
      await index();
      const indexed = await scratch("--refresh");
      expect(indexed.exitCode).toBe(1);
      expect(indexed.stderr).toContain(
        `error: cannot trust ${library}: it is damaged: its content does not have its digest\n`,
      );
    });

    it("without a repository are a sentence", async () => {
      const empty = await mkdtemp(path.join(path.dirname(host.key), "no-repositories-"));
      host = { ...host, through: await throughConfiguration(empty, path.dirname(host.key)) };
      expect(await scratch()).toMatchObject({
        exitCode: 1,
        stdout: "",
        stderr: expect.stringContaining(
          "error: cannot use Fedora's packages: dnf has no repository\n" +
            "hint: add one to /etc/yum.repos.d, or run dnf inside an image that has them: --builder IMAGE\n",
        ),
      });
      expect(await readdir(empty)).toEqual([]);
    });
  },
);
