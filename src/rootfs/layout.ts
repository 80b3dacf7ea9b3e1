import path from "node:path";
import type { CompleteClosure } from "../closure/complete.ts";
import type { ImageCache } from "../closure/ldconfig.ts";
import type { Closure, ClosureFile } from "../loader/closure.ts";
import type { PackageSource } from "../packages/source.ts";
import type { ImagePlan, OsImagePlan, ScratchImagePlan } from "../plan/plan.ts";
import { Failure } from "../system/errors.ts";
import { type Link, type Located, locate } from "../system/root.ts";
import { addScannerMetadata } from "./scanner-metadata.ts";
import { type Reason, Tree } from "./tree.ts";

type Origin = Pick<PackageSource, "root" | "packageOf" | "alternativeOf" | "ownershipOf" | "distribution">;

/** What the packages give: programs, what is included besides, and the loader's cache where it needs one. */
export interface Closed extends Partial<Pick<CompleteClosure, "included" | "include">> {
  readonly closures: readonly Closure[];
  readonly cache?: ImageCache | undefined;
  /** Something in the image goes by the name /var/run. */
  readonly namesVarRun?: boolean;
}

/**
 * The image's tree: the programs, what their loader opens, the links on the way there, the recipe's files and directories, and the
 * directories that hold all of that. Throws Failure where two of them collide or the service's program is not among them.
 */
export function layOut(plan: ScratchImagePlan, closed: Closed, origin: Origin): Tree {
  const { closures, included = [], include = [], cache } = closed;
  const tree = new Tree();
  const all = [...closures, ...included];
  for (const { links, binary } of closures) addLinks(tree, origin, links, binary);
  for (const { links, path: to } of all.flatMap(({ files }) => files)) addLinks(tree, origin, links, to);
  const requirers = requirersOf(all, tree);
  for (const { binary } of closures) addFile(tree, origin, binary, { kind: "asked" });
  for (const file of all.flatMap(({ files }) => files)) addFile(tree, origin, file.path, reasonOf(file, requirers));
  for (const wanted of include) addIncluded(tree, origin, wanted);
  if (cache !== undefined) addCache(tree, cache);
  addRecipeEntries(tree, plan);
  if (closed.namesVarRun === true) addOldRuntime(tree, plan);
  addProgramLinks(plan, tree, origin);
  if (plan.metadata !== undefined) addScannerMetadata(tree, origin);
  // From the end, so that each directory is there for the last thing in it and a way up ends where it joins another.
  for (const entry of tree.entries().toReversed()) addParents(tree, origin, entry.path);
  refuseMissingProgram(plan, tree);
  return tree;
}

/** Whether something is at a path of the tree, whose links are followed. */
export function hasPath(tree: Tree, wanted: string): boolean {
  return tree.get(canonical(tree, wanted)) !== undefined;
}

/** Since the Filesystem Hierarchy Standard 3.0 (5.13) /var/run is /run; a program may still have the old name compiled in. */
function addOldRuntime(tree: Tree, { service }: ScratchImagePlan): void {
  const runtime = service.runtime.find((directory) => directory.startsWith("/run/"));
  const place = canonical(tree, "/var/run");
  const isTaken = tree.entries().some(({ path: taken }) => taken === place || taken.startsWith(`${place}/`));
  if (runtime === undefined || place === "/run" || isTaken) return;
  const reason = { kind: "runtime", to: canonical(tree, runtime) } as const;
  tree.add({ path: place, kind: "symlink", target: "/run", mode: 0o777, uid: 0, gid: 0, reason });
}

/** What an OS-based image gets besides its packages: the recipe's own directories and files. */
export function layOutAdditions(plan: OsImagePlan): Tree {
  const tree = new Tree();
  addRecipeEntries(tree, plan);
  return tree;
}

function addRecipeEntries(tree: Tree, { directories, files }: Pick<ImagePlan, "directories" | "files">): void {
  for (const directory of directories) {
    const { uid, gid, mode } = directory;
    tree.add({ path: canonical(tree, directory.path), kind: "directory", uid, gid, mode, reason: { kind: "recipe" } });
  }
  for (const { path: wanted, content, uid, gid, mode } of files) {
    const bytes = Buffer.from(content);
    const entry = {
      kind: "file",
      size: bytes.length,
      content: { bytes },
      uid,
      gid,
      mode,
      reason: { kind: "recipe" },
    } as const;
    tree.add({ path: canonical(tree, wanted), ...entry });
  }
}

type Requirers = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Who asks for each file in any of the closures; the program itself where nobody else does. A script of the recipe is named by its path in
 * the tree.
 */
function requirersOf(closures: readonly Closure[], tree: Tree): Requirers {
  const requirers = new Map<string, Set<string>>();
  for (const { binary, files } of closures) {
    for (const { path: file, requiredBy } of files) {
      const by = requiredBy.length > 0 ? requiredBy : [binary];
      const known = requirers.get(file) ?? new Set();
      for (const requirer of by) known.add(canonical(tree, requirer));
      requirers.set(file, known);
    }
  }
  return requirers;
}

function reasonOf(file: ClosureFile, requirers: Requirers): Reason {
  const soname = file.soname ?? path.posix.basename(file.path);
  return { kind: "needed", soname, rule: file.foundBy, by: [...(requirers.get(file.path) ?? [])] };
}

/** A file of the packages, or everything below a directory of them, with the links on the way. */
function addIncluded(tree: Tree, origin: Origin, wanted: string): void {
  for (const { path: place, entry, links } of includedEntries(wanted, origin)) {
    addLinks(tree, origin, links, place);
    if (entry.kind === "file") addFile(tree, origin, place, { kind: "recipe" });
    else addDirectory(tree, origin, place);
  }
}

function addDirectory(tree: Tree, origin: Origin, place: string): void {
  const from = origin.packageOf(place)?.name;
  const ownership = { ...origin.ownershipOf(place), ...(from === undefined ? {} : { package: from }) };
  tree.add({ path: place, kind: "directory", reason: { kind: "recipe" }, ...ownership });
}

function addCache(tree: Tree, { bytes, files }: ImageCache): void {
  const entry = { kind: "file", size: bytes.length, content: { bytes }, uid: 0, gid: 0, mode: 0o644 } as const;
  tree.add({ path: "/etc/ld.so.cache", ...entry, reason: { kind: "cache", files } });
}

function addFile(tree: Tree, origin: Origin, wanted: string, reason: Reason): void {
  if (tree.get(wanted) !== undefined) return;
  const size = origin.root.entry(wanted)?.size ?? 0;
  const from = origin.packageOf(wanted)?.name;
  tree.add({
    path: wanted,
    kind: "file",
    size,
    content: { root: origin.root, path: wanted },
    ...origin.ownershipOf(wanted),
    reason,
    ...(from === undefined ? {} : { package: from }),
  });
}

function addLinks(tree: Tree, origin: Origin, links: readonly Link[], to: string): void {
  for (const { path: place, target } of links) {
    if (tree.get(place)?.kind === "symlink") continue;
    const from = origin.packageOf(place)?.name;
    const alternative = origin.alternativeOf(place);
    const reason = { kind: "link", to, ...(alternative === undefined ? {} : { alternative }) } as const;
    tree.add({
      path: place,
      kind: "symlink",
      target,
      mode: 0o777,
      uid: 0,
      gid: 0,
      reason,
      ...(from === undefined ? {} : { package: from }),
    });
  }
}

function addParents(tree: Tree, origin: Origin, of: string): void {
  for (let parent = path.posix.dirname(of); parent !== "/"; parent = path.posix.dirname(parent)) {
    const existing = tree.get(parent);
    // Those above it came with it.
    if (existing?.kind === "directory" && existing.reason.kind === "parent") return;
    // Not asked for its owner in the packages, whose number perhaps nobody can tell.
    if (existing?.kind === "directory") continue;
    const { uid, gid, mode } = origin.root.entry(parent)?.kind === "directory" ? origin.ownershipOf(parent) : rootOwned;
    tree.add({ path: parent, kind: "directory", uid, gid, mode, reason: { kind: "parent", of } });
  }
}

const rootOwned = { uid: 0, gid: 0, mode: 0o755 } as const;

/** The recipe's path with the tree's own directory links followed: `/lib/x` lies in `/usr/lib` where `/lib` is a link. */
function canonical(tree: Tree, wanted: string): string {
  let here = "";
  for (const part of wanted.split("/").filter(Boolean)) {
    here += `/${part}`;
    for (let hops = 0, entry = tree.get(here); entry?.kind === "symlink" && hops < 40; hops++, entry = tree.get(here)) {
      here = path.posix.resolve(path.posix.dirname(here), entry.target);
    }
  }
  return here;
}

/** The service may be started through a link: `/usr/sbin` leads to `bin` since Fedora 42. */
function addProgramLinks({ service }: ScratchImagePlan, tree: Tree, origin: Origin): void {
  const located = locate(origin.root, service.command[0] ?? "/");
  if (located !== undefined && tree.get(located.path) !== undefined)
    addLinks(tree, origin, located.links, located.path);
}

function refuseMissingProgram(plan: ScratchImagePlan, tree: Tree): void {
  const program = plan.service.command[0];
  if (program === undefined || tree.get(canonical(tree, program)) !== undefined) return;
  throw new Failure(`cannot lay out the image: the service's program ${program} is not in it`, {
    hint: `the programs are ${tree
      .entries()
      .flatMap((entry) => (entry.reason.kind === "asked" ? [entry.path] : []))
      .join(", ")}`,
  });
}

type Packages = Pick<PackageSource, "root">;

/**
 * What a path of the recipe stands for in the packages: the file there, or the directory and everything below it, links followed but none
 * twice. A link inside that leads nowhere is passed over. Throws Failure where nothing is there, or no file or directory.
 */
function includedEntries(wanted: string, { root }: Packages): readonly Located[] {
  const first = locate(root, wanted);
  if (first === undefined) {
    throw new Failure(`cannot include ${wanted}: none of the packages has it`, {
      hint: "name the package that has it in scratch.packages",
    });
  }
  const found: Located[] = [];
  const directories = new Set<string>();
  const pending = [first];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, entry } = next;
    if (entry.kind === "other") throw new Failure(`cannot include ${path}: it is a device or a pipe`);
    found.push(next);
    if (entry.kind !== "directory" || directories.has(path)) continue;
    directories.add(path);
    const inside = root.names(path).map((name) => locate(root, `${path === "/" ? "" : path}/${name}`));
    pending.push(...inside.filter((each) => each !== undefined));
  }
  return found;
}
