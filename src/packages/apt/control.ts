import type { BuiltIn } from "../source.ts";

/** A paragraph of a Debian control file (deb822(5)): field names in lower case, continuation lines joined by newlines. */
export type Stanza = Readonly<Record<string, string>>;

/** Reads what `apt-cache show` prints. */
export function parseStanzas(text: string): readonly Stanza[] {
  return text
    .split(/\n\s*\n/)
    .map(parseStanza)
    .filter((stanza) => stanza.package !== undefined);
}

function parseStanza(paragraph: string): Stanza {
  const fields: Record<string, string> = Object.create(null);
  let last: string | undefined;
  for (const line of paragraph.split("\n")) {
    const match = /^([^\s:#][^:]*):\s*(.*)$/.exec(line);
    if (match !== null) {
      last = (match[1] ?? "").toLowerCase();
      fields[last] = match[2] ?? "";
    } else if (last !== undefined && /^\s/.test(line)) {
      fields[last] += `\n${line.trim()}`;
    }
  }
  return fields;
}

/** Reads what `apt-cache policy NAME...` prints: the version that apt would install, by package name. */
export function parseCandidates(text: string): ReadonlyMap<string, string> {
  const candidates = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split("\n")) {
    const heading = /^(\S+):$/.exec(line);
    if (heading !== null) name = (heading[1] ?? "").split(":")[0];
    const candidate = /^ {2}Candidate: (\S+)$/.exec(line)?.[1];
    if (name !== undefined && candidate !== undefined && candidate !== "(none)") candidates.set(name, candidate);
  }
  return candidates;
}

/**
 * What a package needs (Pre-Depends and Depends, Debian Policy 7.1), each need with its alternatives in order of
 * preference; versions and qualifiers are left out.
 */
export function parseDependencies(stanza: Stanza): readonly (readonly string[])[] {
  return [stanza["pre-depends"], stanza.depends].flatMap((field) => (field === undefined ? [] : parseRelations(field)));
}

function parseRelations(field: string): readonly (readonly string[])[] {
  const nameOf = (relation: string) => /^\s*([a-z0-9][a-z0-9+.-]+)/.exec(relation)?.[1] ?? "";
  return field.split(",").map((need) =>
    need
      .split("|")
      .map(nameOf)
      .filter((name) => name !== ""),
  );
}

/** Every name that a dependency can mean this package by: its own and those of its Provides field. */
export function namesOf(stanza: Stanza): readonly string[] {
  return [stanza.package ?? "", ...parseRelations(stanza.provides ?? "").flat()];
}

/** Source package and its version: the Source field names them only where they differ from the package's own. */
export function sourceOf(stanza: Stanza): { readonly name: string; readonly version: string } {
  const match = /^(\S+)(?:\s+\((\S+)\))?$/.exec(stanza.source ?? "");
  return { name: match?.[1] ?? stanza.package ?? "", version: match?.[2] ?? stanza.version ?? "" };
}

/** What the control file declares to be built in; undefined where it has neither field. */
export function builtInOf(stanza: Stanza): BuiltIn | undefined {
  const { "built-using": used, "static-built-using": linked } = stanza;
  if (used === undefined && linked === undefined) return undefined;
  return {
    ...(used === undefined ? {} : { "Built-Using": oneLine(used) }),
    ...(linked === undefined ? {} : { "Static-Built-Using": oneLine(linked) }),
  };
}

function oneLine(field: string): string {
  return field.replaceAll(/\s+/g, " ").trim();
}

/** The upstream part of a Debian version: no epoch, no revision (deb-version(7)). */
export function upstreamVersion(version: string): string {
  const withoutEpoch = version.replace(/^\d+:/, "");
  const revision = withoutEpoch.lastIndexOf("-");
  return revision < 0 ? withoutEpoch : withoutEpoch.slice(0, revision);
}

/** Sonames (before `.so`) of the C library itself: all of them are in the package that has its loader. */
const glibc = new Set(
  ["BrokenLocale", "anl", "c", "dl", "m", "mvec", "nsl", "nss_compat", "nss_dns", "nss_files", "nss_hesiod", "pthread"]
    .concat(["resolv", "rt", "thread_db", "util"])
    .map((name) => `lib${name}`),
);

/** Libraries that live in the package of another one, on every release. */
const housemates: Readonly<Record<string, string>> = { libcrypto: "libssl" };

/** Programs of essential packages that scripts begin with and that are called otherwise; bash, dash and sed are called like theirs. */
const programs: Readonly<Record<string, string>> = {
  env: "coreutils",
  find: "findutils",
  perl: "perl-base",
  rbash: "bash",
  sh: "dash",
  xargs: "findutils",
};

/** The essential package that a program is of, if one has it: /bin/sh is dash's. */
export function essentialPackageOf(program: string): string {
  const name = program.slice(program.lastIndexOf("/") + 1);
  return programs[name] ?? name;
}

/** The package of the C library, on every architecture that images are built for. */
export const libcPackage = "libc6";

/**
 * The names a library package has by convention (Debian Policy 8.1): libfoo.so.1 is in libfoo1, libfoo-2.so.1 in
 * libfoo-2-1, libfoo-1.2.so in libfoo-1.2; in lower case, `_` as `-`; renamed with t64 for 64-bit time.
 */
export function conventionalNames(wanted: string): readonly string[] {
  const file = wanted.slice(wanted.lastIndexOf("/") + 1);
  const housed = file.replace(/^[^.]+/, (stem) => housemates[stem] ?? stem);
  return [...new Set([file, housed].flatMap(namesByConvention))].filter((name) => packageName.test(name));
}

/** Debian Policy 5.6.1; no real name is longer. What a file asks for may be anything, and becomes part of a command line. */
const packageName = /^[a-z0-9][a-z0-9+.-]{1,99}$/;

function namesByConvention(file: string): readonly string[] {
  if (/^ld(-linux|64)?\b/.test(file)) return [libcPackage];
  const match = /^(.+?)(?:-([\d.]+))?\.so(?:\.(.+))?$/.exec(file);
  if (match === null) return [];
  const [, stem = "", release, major] = match;
  if (glibc.has(stem)) return [libcPackage];
  const withRelease = release === undefined ? stem : `${stem}-${release}`;
  const name = (version: string) => (/\d$/.test(withRelease) ? `${withRelease}-${version}` : withRelease + version);
  const names =
    major === undefined
      ? [withRelease, stem + (release ?? "")]
      : [name(major), `${withRelease}-${major}`, stem + major];
  const debian = names.map((each) => each.toLowerCase().replaceAll("_", "-"));
  return debian.flatMap((each) => [each, `${each}t64`]);
}

/** What names of packages add to the name of the program or library in them: a version, a part; not python3-something for python3. */
const usualRest = /^[\w.+]*(-[\d.]+\w*)?(-(minimal|base|bin|common|core))?$/;

/** Why a package may have a file; `none` is a mere chance. */
export type Likelihood = "conventional" | "alike" | "same source" | "none";

/** How likely it is that a package has a file that one of the package `requester` asks for. */
export function likelihoodOf(wanted: string, requester: Stanza | undefined, stanza: Stanza): Likelihood {
  const names = namesOf(stanza);
  if (conventionalNames(wanted).some((name) => names.includes(name))) return "conventional";
  const stem = (/^.*?(?=-[\d.]+\.so|\.so\b|$)/.exec(debianSpelling(wanted)) ?? [""])[0];
  const rest = names.filter((name) => name.startsWith(stem)).map((name) => name.slice(stem.length));
  if (stem.length > 3 && rest.some((each) => usualRest.test(each))) return "alike";
  return requester !== undefined && sourceOf(requester).name === sourceOf(stanza).name ? "same source" : "none";
}

/** The name of a file as a package's name would spell it. */
function debianSpelling(file: string): string {
  return file
    .slice(file.lastIndexOf("/") + 1)
    .toLowerCase()
    .replaceAll("_", "-");
}

/**
 * The packages that could have a file, best first: the conventional name, then names that begin as the file's does, then libraries
 * from the requester's own source, then other libraries by likeness of name, then the rest of its dependencies.
 */
export function rankCandidates(
  wanted: string,
  requester: Stanza | undefined,
  candidates: readonly Stanza[],
): readonly Stanza[] {
  const conventional = conventionalNames(wanted);
  const file = debianSpelling(wanted);
  const score = (stanza: Stanza) => {
    const names = namesOf(stanza);
    const position = conventional.findIndex((name) => names.includes(name));
    if (position >= 0) return position - 1000;
    const bonus = { conventional: 0, alike: 200, "same source": 100, none: 0 }[likelihoodOf(wanted, requester, stanza)];
    const library = /(^|\/)(old)?libs$/.test(stanza.section ?? "") ? 50 : 0;
    const likeness = Math.max(...names.map((name) => commonPrefix(name, file)));
    return 500 - bonus - library - likeness * 4;
  };
  return candidates
    .map((stanza) => ({ stanza, score: score(stanza) }))
    .sort((a, b) => a.score - b.score || compare(a.stanza, b.stanza))
    .map(({ stanza }) => stanza);
}

function compare(a: Stanza, b: Stanza): number {
  const [one, other] = [a.package ?? "", b.package ?? ""];
  return one < other ? -1 : one > other ? 1 : 0;
}

function commonPrefix(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}
