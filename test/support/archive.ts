import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { knowOnly, type Release } from "./release.ts";
import { run } from "./run.ts";

/** An archive of Debian packages of a test's own, which can move on while locks stay. */
export interface Archive extends Release {
  /** Takes away what there is and offers these package files. */
  offer(packages: readonly string[]): Promise<void>;
}

/** Makes an archive of Debian 12 with nothing in it. Its packages are trusted without a signature. */
export async function createArchive(): Promise<Archive> {
  const directory = await mkdtemp(path.join(tmpdir(), "archive-"));
  const pool = path.join(directory, "pool");
  await mkdir(pool);
  return {
    env: await knowOnly(`deb [trusted=yes] file:${pool} ./`, directory),
    offer: async (packages) => {
      for (const old of await readdir(pool)) await rm(path.join(pool, old));
      const stanzas: string[] = [];
      for (const [number, file] of packages.entries()) {
        const place = path.join(pool, `${number}.deb`);
        await copyFile(file, place);
        const bytes = await readFile(place);
        const index = [`Filename: ./${number}.deb`, `Size: ${bytes.length}`, `SHA256: ${sha256(bytes)}`];
        stanzas.push([(await run(["dpkg-deb", "--field", place])).trimEnd(), ...index, ""].join("\n"));
      }
      const list = stanzas.join("\n");
      await writeFile(path.join(pool, "Packages"), list);
      const release = ["Origin: Debian", "Codename: bookworm", "Version: 12.99", "Date: Thu, 01 Jan 2026 00:00:00 UTC"];
      const hashes = ["SHA256:", ` ${sha256(list)} ${Buffer.byteLength(list)} Packages`, ""];
      await writeFile(path.join(pool, "Release"), [...release, ...hashes].join("\n"));
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

/** The same package under another version, as `to`. */
export async function repackage(file: string, version: string, to: string): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), "repackage-"));
  try {
    await run(["dpkg-deb", "--raw-extract", file, directory]);
    const control = path.join(directory, "DEBIAN/control");
    const text = await readFile(control, "utf8");
    await writeFile(control, text.replace(/^Version: .*$/m, `Version: ${version}`));
    await run(["dpkg-deb", "--build", "-Zgzip", "-z1", "--root-owner-group", directory, to]);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
