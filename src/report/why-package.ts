import type { BuildRecord, PackageRecord } from "./record.ts";
import { packageFacts } from "./why.ts";

/** Why one package is in an OS-based image. */
export interface PackageExplanation {
  readonly package: PackageRecord;
  /** From a package of the recipe to this one: each is there because the one before it asks for `requirement`. */
  readonly chain: readonly { readonly package: string; readonly requirement?: string }[];
}

/** Why something that no entry of the record tells of is in an OS-based image. */
export interface InstalledExplanation {
  readonly asked: string;
  /** Several packages may have one directory; none has what scripts made. */
  readonly packages: readonly PackageExplanation[];
}

/** Explains the packages that have the file, link or directory at a path. */
export function explainInstalled(
  record: BuildRecord,
  asked: string,
  owners: readonly { readonly name: string; readonly arch: string }[],
): InstalledExplanation {
  const packages = owners.flatMap(({ name, arch }) => {
    const found = record.packages.find((each) => each.name === name && each.arch === arch);
    return found === undefined ? [] : [{ package: found, chain: chainTo(found, record) }];
  });
  return { asked, packages };
}

/** The shortest way from a package of the recipe; the package alone where it is the base's, or nobody asks for it. */
function chainTo(of: PackageRecord, record: BuildRecord): PackageExplanation["chain"] {
  const byName = packagesByName(record);
  const named = new Set(record.plan.packages);
  // Each package that was reached, with the next one on the way to `of` and what that is required for.
  const reached = new Map<string, { readonly name: string; readonly requirement: string } | undefined>([
    [of.name, undefined],
  ]);
  for (const name of reached.keys()) {
    if (named.has(name)) {
      const chain: { package: string; requirement?: string }[] = [{ package: name }];
      for (let next = reached.get(name); next !== undefined; next = reached.get(next.name))
        chain.push({ package: next.name, requirement: next.requirement });
      return chain;
    }
    for (const { package: requirer, requirement } of byName.get(name)?.requiredBy ?? [])
      if (!reached.has(requirer)) reached.set(requirer, { name, requirement });
  }
  return [{ package: of.name }];
}

const known = new WeakMap<BuildRecord, ReadonlyMap<string, PackageRecord>>();

/** The first package of each name. */
function packagesByName(record: BuildRecord): ReadonlyMap<string, PackageRecord> {
  const found = known.get(record) ?? new Map(record.packages.toReversed().map((each) => [each.name, each]));
  known.set(record, found);
  return found;
}

/** The explanation for a person. */
export function installedText({ asked, packages }: InstalledExplanation, record: BuildRecord): string {
  if (packages.length === 0) {
    return `${asked}\n    no package has it: it was made with the base image, or by a package's scripts when it was installed`;
  }
  return packages
    .flatMap(({ package: from, chain }) => [
      chain
        .map((step, index) => `${step.package}\n    ${sentence(step, chain[index - 1]?.package, record)}`)
        .join("\n"),
      packageFacts(from, record)
        .map(([name, value]) => `${name.padEnd(9)} ${value}`)
        .join("\n"),
    ])
    .join("\n\n");
}

/** Every package with its reason, one line each. */
export function packagesText(record: BuildRecord): string {
  return record.packages
    .map((each) => {
      const chain = chainTo(each, record);
      return `${each.name}  ${each.version}  ${sentence(chain.at(-1) ?? { package: each.name }, chain.at(-2)?.package, record)}`;
    })
    .join("\n");
}

function sentence(
  { package: name, requirement }: PackageExplanation["chain"][number],
  because: string | undefined,
  record: BuildRecord,
): string {
  if (because !== undefined && requirement !== undefined) return `${because} requires ${requirement}`;
  const { plan } = record;
  if (plan.packages.includes(name)) return "the recipe asks for this package";
  const isBases = packagesByName(record).get(name)?.requiredBy === undefined;
  const base = plan.kind === "os" ? ` ${plan.base}` : "";
  return isBases ? `the base image${base} has this package` : "the package manager installed it with the others";
}
