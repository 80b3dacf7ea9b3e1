import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Run } from "../../../src/system/run.ts";
import { type Mirror, unpackDebs } from "./debian.ts";
import type { RpmArch, StandInPackage } from "./package.ts";
import { standInPackages } from "./packages.ts";
import { inParallel } from "./pool.ts";
import { buildRpm } from "./rpms.ts";

const debianArches = { x86_64: "amd64", aarch64: "arm64", i686: "i386" } as const;
const signer = "stand-in (not Fedora) <stand-in@example.invalid>";

/**
 * Makes `directory/x86_64`, `directory/aarch64` and `directory/RPM-GPG-KEY-standin`: repositories whose packages and metadata
 * are signed by a key that is made for it and forgotten again.
 */
export async function makeRepository(run: Run, mirror: Mirror, directory: string, work: string): Promise<void> {
  const jobs = standInPackages.flatMap((item) => archesOf(item).map((arch) => ({ item, arch })));
  await downloadSources(run, mirror, jobs, path.join(work, "debs"));
  for (const arch of ["x86_64", "aarch64"]) await mkdir(path.join(directory, arch), { recursive: true });
  await inParallel(jobs, 3, ({ item, arch }) =>
    buildRpm(run, item, {
      arch,
      debs: path.join(work, "debs", arch),
      work: path.join(work, "rpmbuild"),
      // As in Fedora the 32-bit packages lie beside the 64-bit ones.
      output: path.join(directory, arch === "aarch64" ? "aarch64" : "x86_64"),
    }),
  );
  const noarch = (await readdir(path.join(directory, "x86_64"))).filter((name) => name.endsWith(".noarch.rpm"));
  for (const name of noarch) await cp(path.join(directory, "x86_64", name), path.join(directory, "aarch64", name));
  await sign(run, directory);
}

function archesOf(item: StandInPackage): readonly RpmArch[] {
  if (item.arch === "each") return ["x86_64", "aarch64"];
  return item.arch === "noarch" ? ["x86_64"] : [item.arch];
}

async function downloadSources(
  run: Run,
  mirror: Mirror,
  jobs: readonly { readonly item: StandInPackage; readonly arch: RpmArch }[],
  directory: string,
): Promise<void> {
  const namesOf = (arch: RpmArch) => [
    ...new Set(jobs.filter((job) => job.arch === arch).flatMap(({ item }) => item.from[arch] ?? [])),
  ];
  const unpack = (arch: RpmArch, debian: "amd64" | "arm64" | "i386", names: readonly string[]) =>
    unpackDebs(run, { source: mirror.bookworm, arch: debian, names, directory: path.join(directory, arch) });
  const glibc = "libc6-amd64";
  await Promise.all([
    unpack(
      "x86_64",
      debianArches.x86_64,
      namesOf("x86_64").filter((name) => name !== glibc),
    ),
    unpack("aarch64", debianArches.aarch64, namesOf("aarch64")),
    unpack("i686", debianArches.i686, [...namesOf("i686"), glibc]),
  ]);
  // A library for x86_64 that is published with the packages of i386.
  await cp(path.join(directory, "i686", glibc), path.join(directory, "x86_64", glibc), {
    recursive: true,
    verbatimSymlinks: true,
  });
}

async function sign(run: Run, directory: string): Promise<void> {
  // Not in `directory`: the agent's socket has a path of at most 108 bytes.
  const home = await mkdtemp(path.join(tmpdir(), "standin-gpg-"));
  const env = { GNUPGHOME: home };
  try {
    await run(
      ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", signer, "rsa3072", "sign", "never"],
      { env },
    );
    await run(["gpg", "--armor", "--export", "--output", path.join(directory, "RPM-GPG-KEY-standin"), signer], { env });
    for (const arch of ["x86_64", "aarch64"]) {
      const repository = path.join(directory, arch);
      const rpms = (await readdir(repository)).filter((name) => name.endsWith(".rpm"));
      // Debian's rpm is built without knowing where gpg is.
      const settings = ["--define", `_gpg_name ${signer}`, "--define", "__gpg /usr/bin/gpg"];
      await run(["rpmsign", ...settings, "--addsign", ...rpms], { env, cwd: repository });
      await run(["createrepo_c", "--quiet", "--no-database", "."], { cwd: repository });
      await run(["gpg", "--batch", "--quiet", "--armor", "--detach-sign", "repodata/repomd.xml"], {
        env,
        cwd: repository,
      });
    }
  } finally {
    await run(["gpgconf", "--kill", "gpg-agent"], { env });
    await rm(home, { recursive: true, force: true });
  }
}
