import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "./run.ts";

/** A package with one file, `/usr/bin/NAME`, that says which version it is of. */
export interface SmallRpm {
  readonly name: string;
  readonly version: string;
  readonly requires?: string;
}

/** A repository of RPM packages of a test's own, on this machine's loopback, which can move on while locks stay. */
export interface RpmArchive extends AsyncDisposable {
  /** The repository for dnf, as a file of yum.repos.d. Its packages are trusted without a signature. */
  readonly repoFile: string;
  /** Takes away what there is and offers these packages. */
  offer(packages: readonly SmallRpm[]): Promise<void>;
}

export async function createRpmArchive(): Promise<RpmArchive> {
  const directory = await mkdtemp(path.join(tmpdir(), "rpm-archive-"));
  const pool = path.join(directory, "pool");
  await mkdir(pool);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    readFile(path.join(pool, path.normalize(pathname))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const repoFile = path.join(directory, "own.repo");
  // Metadata that were right a moment ago are not: the archive moves on within one test.
  const settings = ["name=own", `baseurl=http://127.0.0.1:${port}/`, "enabled=1", "gpgcheck=0", "metadata_expire=0"];
  await writeFile(repoFile, `${["[own]", ...settings].join("\n")}\n`);
  return {
    repoFile,
    offer: async (packages) => {
      for (const old of await readdir(pool)) await rm(path.join(pool, old), { recursive: true });
      for (const each of packages) await build(each, directory, pool);
      await run(["createrepo_c", "--quiet", "--no-database", "."], { cwd: pool });
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

async function build({ name, version, requires }: SmallRpm, directory: string, pool: string): Promise<void> {
  const spec = path.join(directory, `${name}.spec`);
  await writeFile(
    spec,
    `Name: ${name}
Version: ${version}
Release: 1.fc44
Summary: For tests
License: MIT
${requires === undefined ? "" : `Requires: ${requires}`}
%description
For tests.
%install
mkdir -p %{buildroot}/usr/bin
echo ${name} ${version} > %{buildroot}/usr/bin/${name}
%files
/usr/bin/${name}
`,
  );
  const settings = {
    _topdir: path.join(directory, "work"),
    _rpmdir: pool,
    _rpmfilename: "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
    _buildhost: "tests",
    use_source_date_epoch_as_buildtime: "1",
    clamp_mtime_to_source_date_epoch: "1",
    _build_id_links: "none",
    debug_package: "%{nil}",
  };
  const defines = Object.entries(settings).flatMap(([key, value]) => ["--define", `${key} ${value}`]);
  const env = { SOURCE_DATE_EPOCH: "1700000000" };
  await run(["rpmbuild", "-bb", "--quiet", "--target", "x86_64-linux", ...defines, spec], { env });
}
