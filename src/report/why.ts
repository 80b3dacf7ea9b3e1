import { visibleLines } from "../system/visible.ts";
import { type Chain, causesOf, chainTo, entriesByPath } from "./explanation.ts";
import { type Followed, resolvePath } from "./path.ts";
import type { BuildRecord, EntryRecord, PackageRecord } from "./record.ts";

/** Why one thing is in an image. */
export interface Explanation {
  /** As it was asked for. */
  readonly asked: string;
  /** The links of the image that led from there to the entry's path. */
  readonly followed: readonly Followed[];
  readonly entry: EntryRecord;
  /** From what the recipe asks for to the entry itself. */
  readonly chain: Chain;
  readonly package?: PackageRecord;
}

/** Explains the entry at a path, which may lead through the image's links, or of a name. undefined if nothing is there. */
export function explain(record: BuildRecord, asked: string): Explanation | undefined {
  const entries = entriesByPath(record);
  const { path, followed } = resolvePath(pathOf(asked, record), entries);
  const entry = entries.get(path);
  if (entry === undefined) return undefined;
  const from = record.packages.find(({ name }) => name === entry.package);
  const chain = chainTo(entry, entries) ?? [entry];
  return { asked, followed, entry, chain, ...(from === undefined ? {} : { package: from }) };
}

/** The explanation for a person. */
export function explanationText(explanation: Explanation, record: BuildRecord): string {
  const { asked, followed, entry, chain } = explanation;
  const links = followed.map(({ path, target }) => `${path} is a link to ${target}`);
  const parts = [
    ...(links.length === 0 ? [] : [[`${asked} lies at ${entry.path}: ${links.join(", ")}`]]),
    chain.flatMap((step, index) => [
      step.path,
      ...sentences(step, chain[index - 1]?.path).map((line) => `    ${line}`),
    ]),
    facts(explanation, record).map(([name, value]) => `${name.padEnd(9)} ${value}`),
  ];
  return parts.map(visibleLines).join("\n\n");
}

/** Every entry with its reason, one line each. */
export function overviewText(record: BuildRecord): string {
  return visibleLines(
    record.entries.map((entry) => `${entry.path}  ${entry.package ?? "no package"}  ${sentences(entry)[0] ?? ""}`),
  );
}

/**
 * Paths of the image that a person may have meant by another one: those with its last part as their name, else those with a similar name,
 * else those in the same directory; three at most.
 */
export function pathsLike(record: BuildRecord, wanted: string): readonly string[] {
  const name = nameOf(wanted);
  const likeness = [
    (path: string) => nameOf(path) === name,
    (path: string) =>
      nameOf(path).includes(name) || (name.includes(nameOf(path)) && nameOf(path).length * 2 > name.length),
    (path: string) => wanted.includes("/") && directoryOf(path) === directoryOf(wanted),
  ];
  const paths = record.entries.filter(({ kind }) => kind !== "directory").map(({ path }) => path);
  const alike = name === "" ? [] : likeness.map((is) => paths.filter(is)).find((found) => found.length > 0);
  return (alike ?? []).slice(0, 3);
}

/** Of a name without a directory the path of the one file or link that has it; any other text is a path. */
function pathOf(asked: string, record: BuildRecord): string {
  if (asked.includes("/")) return asked;
  const [first, ...more] = record.entries.filter(({ kind, path }) => kind !== "directory" && nameOf(path) === asked);
  return first === undefined || more.length > 0 ? asked : first.path;
}

/** The reason in sentences; `because` is the one cause that the chain came by. */
function sentences(entry: EntryRecord, because = causesOf(entry)[0]): readonly string[] {
  const { reason } = entry;
  switch (reason.kind) {
    case "asked":
      return ["the recipe asks for this program"];
    case "recipe":
      return [`the recipe ${entry.package === undefined ? "gives" : "asks for"} this ${entry.kind}`];
    case "metadata":
      return ["the recipe asks for what scanners look for: they read here which packages are in the image"];
    case "cache":
      return [`the loader's cache, by which it finds ${reason.files.join(", ")}`];
    case "link":
      return [`the link is on the way to ${reason.to}`, ...alternativeSentences(entry)];
    case "runtime":
      return [`the link leads to ${reason.to} for what goes by the old name /var/run`];
    case "parent":
      return [`the directory holds ${reason.of}`];
    case "needed": {
      const others = reason.by.filter((path) => path !== because);
      const first = `${because ?? reason.by[0]} needs ${reason.soname}, found by the rule: ${reason.rule}`;
      return others.length === 0 ? [first] : [first, `so ${others.length === 1 ? "does" : "do"} ${others.join(", ")}`];
    }
  }
}

/** Which package won the name of a link in /etc/alternatives, and against whom. */
function alternativeSentences({ reason, package: winner = "a package" }: EntryRecord): readonly string[] {
  if (reason.kind !== "link" || reason.alternative === undefined) return [];
  const { name, priority, others } = reason.alternative;
  const rank = (value: number | undefined) =>
    value === undefined ? "a priority that its script computes" : `priority ${value}`;
  const rivals = others.map((each) => `, and ${each.package} with ${rank(each.priority)}`).join("");
  return [`an installation would make it: ${winner} offers the alternative ${name} with ${rank(priority)}${rivals}`];
}

export type Fact = readonly [name: string, value: string];

function facts({ entry, package: from }: Explanation, record: BuildRecord): readonly Fact[] {
  const { kind, size, target, mode, owner, sha256, xattrs } = entry;
  const what = kind === "file" ? `${size ?? 0} bytes, ` : kind === "symlink" ? `to ${target}, ` : "";
  const facts: Fact[] = [[kind === "symlink" ? "link" : kind, `${what}mode ${mode}, owner ${owner}`]];
  if (sha256 !== undefined) facts.push(["", `sha256 ${sha256}`]);
  if (xattrs !== undefined) facts.push(["", `with ${Object.keys(xattrs).join(", ")}`]);
  facts.push(...(from === undefined ? [["package", "none"] as const] : packageFacts(from, record)));
  return facts;
}

/** Which package it is exactly, and under which licence, a line each. */
export function packageFacts(from: PackageRecord, { distribution }: BuildRecord): readonly Fact[] {
  const release = distribution === undefined ? "" : ` of ${distribution.id} ${distribution.version}`;
  return [
    ["package", `${from.name} ${from.version} ${from.arch}${release}`],
    ["", `sha256 ${from.sha256}${from.size === undefined ? " of its header" : ""}`],
    ["licence", from.license ?? "not declared in a form that a machine can read"],
    ["source", `${from.source.name} ${from.source.version}`],
  ];
}

function nameOf(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1) ?? "";
}

function directoryOf(path: string): string {
  return `/${path.split("/").filter(Boolean).slice(0, -1).join("/")}`;
}
