import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Ended } from "../support/cli.ts";
import { createHostDnf, type HostDnf, throughConfiguration } from "../support/fedora.ts";
import { run } from "../support/run.ts";
import { createSigner, type Signer, unreadableKey } from "../support/signer.ts";
import { repoFile } from "../support/standin/base.ts";
import { loadBase, type StandIn, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { type BuiltImage, createWorkshop, type Workshop } from "../support/workshop.ts";

const library = "libtasn1-4.19.0-2.fc44.x86_64.rpm";
const refused = (why: string) => `error: cannot trust ${library}: ${why}\n`;
const fromFedora = ["scratch", "--from", "fedora", "--arch", "x86_64"];

/** Changes the first signature of a package: `algorithm` to one that nobody has, or its `value`. */
async function damageSignature(file: string, what: "algorithm" | "value"): Promise<void> {
  const bytes = await readFile(file);
  // An old-format packet of two bytes' length, version 4, over binary data, by RSA (RFC 9580, section 5.2.3).
  const start = bytes.indexOf(Buffer.from([4, 0, 1])) - 3;
  expect(bytes[start]).toBe(0x89);
  const end = start + 3 + bytes.readUInt16BE(start + 1);
  if (what === "algorithm") bytes.writeUInt8(109, start + 5);
  else bytes.writeUInt8(bytes.readUInt8(end - 5) ^ 0xff, end - 5);
  await writeFile(file, bytes);
}

/** The next release of the stand-in's library, with the same files. */
async function rebuild(from: string, to: string): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), "rebuild-"));
  const spec = path.join(directory, "spec");
  await Promise.all([path.join(directory, "files"), path.dirname(to)].map((each) => mkdir(each, { recursive: true })));
  await run([
    "sh",
    "-c",
    'rpm2archive -n "$1" < /dev/null && tar -C "$2" -xf "$1.tar" && rm "$1.tar"',
    "sh",
    from,
    `${directory}/files`,
  ]);
  const fields = ["Name: libtasn1", "Version: 4.19.0", "Release: 3.fc44", "Summary: x", "License: LGPL-2.1-or-later"];
  const install = `mkdir -p %{buildroot}\ncp -a ${directory}/files/usr %{buildroot}/`;
  const parts = ["%description\nx", "%prep", `%install\n${install}`, "%files\n/usr/lib64/*"];
  await writeFile(
    spec,
    `%global debug_package %{nil}\n%global __os_install_post %{nil}\n${[...fields, ...parts].join("\n")}\n`,
  );
  await run(["rpmbuild", "-bb", "--quiet", "--define", `_topdir ${directory}`, spec]);
  await copyFile(path.join(directory, "RPMS/x86_64/libtasn1-4.19.0-3.fc44.x86_64.rpm"), to);
  await rm(directory, { recursive: true });
}

describe.runIf(requireTools(...standInTools, "root", "buildah", "skopeo", "dnf", "rpmkeys", "rpm2archive", "unshare"))(
  "the signature of an RPM package",
  () => {
    let world: StandIn;
    let workshop: Workshop;
    let host: HostDnf;
    let somebody: Signer;
    let file: string;

    beforeAll(async () => {
      [world, workshop, somebody] = await Promise.all([standIn(), createWorkshop(), createSigner()]);
      await loadBase(world.base.dnf5, "localhost/standin:44", workshop.store.env);
    }, 600_000);
    afterAll(async () => {
      await somebody?.[Symbol.asyncDispose]();
      await workshop?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      host = await createHostDnf(world);
      file = path.join(host.repository, library);
    });
    afterEach(() => rm(path.dirname(host.key), { recursive: true }));

    const index = () => run(["createrepo_c", "--quiet", "--no-database", host.repository]);
    /** With this machine's dnf 4 and rpm 4. */
    const byHost = async (): Promise<Ended> => {
      await index();
      return workshop.run([...fromFedora, "--force", "--refresh"], { through: host.through });
    };
    /** With the dnf5 and rpm 6 of a builder that has the same repository and key. */
    const byBuilder = async (): Promise<Ended> => {
      await index();
      const { env } = workshop.store;
      const container = await run(["buildah", "from", "--pull-never", "localhost/standin:44"], { env });
      const key = "/etc/pki/rpm-gpg/RPM-GPG-KEY-standin";
      await run(["buildah", "copy", "--quiet", container, host.repository, "/srv/standin-repository/x86_64"], { env });
      await run(["buildah", "copy", "--quiet", container, host.key, key], { env });
      await run(["buildah", "commit", "--quiet", "--rm", container, "localhost/changed:44"], { env });
      return workshop.run([...fromFedora, "--builder", "localhost/changed:44", "--force"]);
    };

    describe.each([
      ["rpm 4", byHost],
      ["rpm 6", byBuilder],
    ])("with %s", (version, build) => {
      it("by an unknown key names the key", async () => {
        await somebody.sign(file);
        const { stderr, exitCode } = await build();
        expect(exitCode).toBe(1);
        expect(stderr).toMatch(
          new RegExp(`^${refused(`it is signed by the key [0-9a-f]*${somebody.id}, which is not among .*`)}`, "m"),
        );
      });

      it("that is wrong, or in a format of tomorrow, is told apart", async () => {
        await damageSignature(file, "value");
        expect((await build()).stderr).toMatch(
          new RegExp(`^${refused("its signature by the key [0-9a-f]+ is wrong")}`, "m"),
        );
        await damageSignature(file, "algorithm");
        expect((await build()).stderr).toMatch(
          new RegExp(
            `^${refused("rpm cannot read its signature: it does not have the format or the algorithm.*")}`,
            "m",
          ),
        );
      });

      it("with SHA-1 is as good as rpm takes it for", async () => {
        await somebody.sign(file, "sha1");
        await appendFile(host.key, somebody.publicKey);
        const { stderr, exitCode } = await build();
        expect(exitCode).toBe(version === "rpm 4" ? 0 : 1);
        if (version === "rpm 6") expect(stderr).toMatch(/ is too weak: rpm does not accept SHA1$/m);
      });

      it("by a subkey is good, and so are the others when one of their keys cannot be read", async () => {
        await using other = await createSigner("subkey");
        await other.sign(file);
        await writeFile(host.key, unreadableKey() + (await readFile(host.key, "utf8")) + other.publicKey);
        const { stderr, exitCode } = await build();
        expect(exitCode, stderr).toBe(0);
        const place = version === "rpm 4" ? host.key : "/etc/pki/rpm-gpg/RPM-GPG-KEY-standin";
        expect(stderr).toMatch(new RegExp(`^warning: cannot use a key of standin: key 1 of ${place}(: .+)?$`, "m"));
      });
    });

    it("is checked of packages of two repositories with two versions, each with its own keys, whatever its file is called", async () => {
      const directory = path.dirname(host.key);
      const second = path.join(directory, "second/x86_64");
      const newer = path.join(second, "newer +%41.rpm");
      await rebuild(file, newer);
      await somebody.sign(newer);
      await run(["createrepo_c", "--quiet", "--no-database", second]);
      const key = path.join(directory, "second/key");
      await writeFile(key, somebody.publicKey);
      const repository = repoFile(`file://${directory}/second`, `file://${key}`).replace("[standin]", "[second]");
      await writeFile(path.join(directory, "repos.d/second.repo"), repository);
      host = { ...host, through: await throughConfiguration(path.join(directory, "repos.d"), directory) };
      await index();
      const build = () => workshop.run([...fromFedora, "--force", "--refresh", "--json"], { through: host.through });
      const { stdout, stderr, exitCode } = await build();
      expect(exitCode, stderr).toBe(0);
      const [{ packages }] = (JSON.parse(stdout) as { images: readonly [BuiltImage] }).images;
      expect(packages).toContainEqual(expect.objectContaining({ name: "libtasn1", version: "4.19.0-3.fc44" }));
      // The key of one repository is not trusted with the packages of the other.
      await run(["rm", "-rf", path.join(workshop.cache, "derived")]);
      await writeFile(key, await readFile(host.key));
      expect((await build()).stderr).toContain(`error: cannot trust newer +%41.rpm: it is signed by the key `);
    });
  },
);
