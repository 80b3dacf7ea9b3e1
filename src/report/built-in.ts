import type { LinkedModule } from "../elf/linked-in.ts";
import { originOf, sourceUrl, upstreamUrl } from "./purl.ts";
import type { BuildRecord, PackageRecord } from "./record.ts";
import type { RecordedImage } from "./sbom.ts";

/** What a package or a file was built from and has in it, and which the image has nothing else of. */
export interface BuiltInPart {
  /** The package URL, or where there is none a text that no other part has. */
  readonly reference: string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  /** A source package of the distribution. */
  readonly source?: PackageRecord["source"];
  /** Of a Go module's files, as go.sum has it. */
  readonly sum?: string;
  readonly users: readonly BuiltInUser[];
}

/** `linked` into it, or somehow `used` when it was built, so that some of it may be in it. */
export interface BuiltInUser {
  readonly user: PackageRecord | { readonly path: string };
  readonly how: "linked" | "used";
  /** Who declares it: a field of the package, or the file itself. */
  readonly by: string;
}

type Part = Omit<BuiltInPart, "users">;

/** Everything that packages declare as built in and files as linked in, each once, sorted by reference. */
export function builtInParts({ record, natives = [] }: RecordedImage): readonly BuiltInPart[] {
  const parts = new Map<string, { readonly part: Part; readonly users: BuiltInUser[] }>();
  const add = (part: Part, user: BuiltInUser) => {
    const known = parts.get(part.reference);
    if (known === undefined) parts.set(part.reference, { part, users: [user] });
    else known.users.push(user);
  };
  for (const from of record.packages) {
    for (const { part, ...rest } of declaredBy(from, record)) add(part, { user: from, ...rest });
  }
  for (const { path, modules } of natives) {
    for (const module of modules) add(linkedPart(module), { user: { path }, how: "linked", by: "the file itself" });
  }
  return [...parts.values()]
    .map(({ part, users }) => ({ ...part, users }))
    .sort((a, b) => (a.reference < b.reference ? -1 : 1));
}

type Declared = Pick<BuiltInUser, "how" | "by"> & { readonly part: Part };

function declaredBy({ builtIn = {} }: PackageRecord, record: BuildRecord): readonly Declared[] {
  const { "Built-Using": used, "Static-Built-Using": linked, Provides: provides } = builtIn;
  const sources = (field: string | undefined, how: "linked" | "used", by: string) =>
    sourcesIn(field).map((source) => ({ part: sourcePart(source, record), how, by }));
  return [
    ...sources(used, "used", "Built-Using"),
    ...sources(linked, "linked", "Static-Built-Using"),
    ...itemsOf(provides).flatMap((item) => {
      const part = bundledPart(item);
      return part === undefined ? [] : [{ part, how: "linked", by: "Provides" } as const];
    }),
  ];
}

/** `golang-1.19 (= 1.19.8-2), ...` */
function sourcesIn(field: string | undefined): readonly PackageRecord["source"][] {
  return itemsOf(field).flatMap((item) => {
    const [, name, version] = /^([a-z0-9][a-z0-9+.-]+)\s*\(=\s*([^\s()]+)\s*\)$/.exec(item) ?? [];
    return name === undefined || version === undefined ? [] : [{ name, version }];
  });
}

function itemsOf(field = ""): readonly string[] {
  return field.split(",").map((item) => item.trim());
}

function sourcePart(source: PackageRecord["source"], record: BuildRecord): Part {
  const purl = sourceUrl({ source }, originOf(record));
  return { reference: purl, ...source, purl, source };
}

/** `bundled(bind) = 9.11.36`, `bundled(golang(example.org/x/y)) = 1.2.3`, `bundled(crate(serde)) = 1.0.1`. */
function bundledPart(item: string): Part | undefined {
  const [, whole, version] = /^bundled\((.+)\)(?: = (\S+))?$/.exec(item) ?? [];
  if (whole === undefined) return undefined;
  const [, kind, inner] = /^(golang|crate)\((.+)\)$/.exec(whole) ?? [];
  const name = inner ?? whole;
  const type = kind === "golang" ? "golang" : kind === "crate" ? "cargo" : "generic";
  const spelled = type === "golang" ? version?.replace(/^(?=\d+\.\d+\.\d+)/, "v") : version;
  return named(name, spelled, upstreamUrl(type, name, spelled));
}

function linkedPart({ language, name, version, sum, published }: LinkedModule): Part {
  const purl = published ? upstreamUrl(language === "go" ? "golang" : "cargo", name, version) : undefined;
  return { ...named(name, version, purl, language), ...(sum === undefined ? {} : { sum }) };
}

function named(name: string, version: string | undefined, purl: string | undefined, kind = "part"): Part {
  return {
    reference: purl ?? `${kind}:${name}${version === undefined ? "" : `@${version}`}`,
    name,
    ...(version === undefined ? {} : { version }),
    ...(purl === undefined ? {} : { purl }),
  };
}
