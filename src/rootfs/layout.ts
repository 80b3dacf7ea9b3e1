import path from "node:path";
import type { CompleteClosure } from "../closure/complete.ts";
import type { ImageCache } from "../closure/ldconfig.ts";
import type { Closure, ClosureFile } from "../loader/closure.ts";
import type { Distribution, PackageRoot } from "../packages/source.ts";
import type { ImagePlan, OsImagePlan, ScratchImagePlan } from "../plan/plan.ts";
import { Failure } from "../system/errors.ts";
import { type Link, type Located, locate } from "../system/root.ts";
import { addScannerMetadata } from "./scanner-metadata.ts";
import { type DirectoryEntry, type FileEntry, type Reason, Tree } from "./tree.ts";

/** What the packages give: programs, what is included besides, and the loader's cache where it needs one. */
export interface Closed extends Partial<Pick<CompleteClosure, "included" | "include">> {
  readonly closures: readonly Closure[];
  readonly cache?: ImageCache | undefined;
  /** Something in the image uses the name /var/run. */
  readonly namesVarRun?: boolean;
}

/** What a tree takes from the packages. */
interface Packages {
  readonly root: PackageRoot;
  /** The release that they belong to; undefined if their lists do not have it. */
  readonly distribution: Distribution | undefined;
}

/**
 * The image's tree: the programs, what their loader opens, the links on the way there, the recipe's files and directories, and the
 * directories that hold all of that. Throws Failure where two of them collide or the service's program is not among them.
 */
export function layOut(plan: ScratchImagePlan, closed: Closed, { root, distribution }: Packages): Tree {
  const { closures, included = [], include = [], cache } = closed;
  const tree = new Tree();
  const all = [...closures, ...included];
  for (const { links, binary } of closures) addLinks(tree, root, links, binary);
  for (const { links, path: to } of all.flatMap(({ files }) => files)) addLinks(tree, root, links, to);
  const requirers = requirersOf(all, tree);
  for (const { binary } of closures) addFile(tree, root, binary, { kind: "asked" });
  for (const file of all.flatMap(({ files }) => files)) addFile(tree, root, file.path, reasonOf(file, requirers));
  for (const wanted of include) addIncluded(tree, root, wanted);
  if (cache !== undefined) addCache(tree, cache);
  addRecipeEntries(tree, plan, root);
  if (closed.namesVarRun === true) addOldRuntime(tree, plan);
  addProgramLinks(plan, tree, root);
  if (plan.metadata !== undefined) addScannerMetadata(tree, distribution);
  // From the end, so that each directory is there for the last thing in it and a way up ends where it joins another.
  for (const entry of tree.entries().toReversed()) addParents(tree, root, entry.path);
  refuseMissingProgram(plan, tree);
  return tree;
}

/** Since the Filesystem Hierarchy Standard 3.0 (5.13) /var/run is /run; a program may still have the old name compiled in. */
function addOldRuntime(tree: Tree, { service }: ScratchImagePlan): void {
  const runtime = service.runtime.find((directory) => directory.startsWith("/run/"));
  const place = tree.resolve("/var/run");
  const isTaken = tree.entries().some(({ path: taken }) => taken === place || taken.startsWith(`${place}/`));
  if (runtime === undefined || place === "/run" || isTaken) return;
  const reason = { kind: "runtime", to: tree.resolve(runtime) } as const;
  tree.add({ path: place, kind: "symlink", target: "/run", mode: 0o777, uid: 0, gid: 0, reason });
}

/** What an OS-based image gets besides its packages: the recipe's own directories and files. */
export function layOutAdditions(plan: OsImagePlan): Tree {
  const tree = new Tree();
  addRecipeEntries(tree, plan);
  return tree;
}

/** What the recipe gives; it has the time of what it replaces in the packages, so that the image is no older than they are. */
function addRecipeEntries(
  tree: Tree,
  { directories, files }: Pick<ImagePlan, "directories" | "files">,
  root?: PackageRoot,
): void {
  const add = (entry: DirectoryEntry | FileEntry) => {
    tree.add({ ...entry, ...(root === undefined ? {} : { modified: root.describe(entry.path).modified }) });
  };
  for (const directory of directories) {
    const { uid, gid, mode } = directory;
    add({ path: tree.resolve(directory.path), kind: "directory", uid, gid, mode, reason: { kind: "recipe" } });
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
    add({ path: tree.resolve(wanted), ...entry });
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
      for (const requirer of by) known.add(tree.resolve(requirer));
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
function addIncluded(tree: Tree, root: PackageRoot, wanted: string): void {
  for (const { path: place, entry, links } of includedEntries(wanted, root)) {
    addLinks(tree, root, links, place);
    if (entry.kind === "file") addFile(tree, root, place, { kind: "recipe" });
    else addDirectory(tree, root, place);
  }
}

function addDirectory(tree: Tree, root: PackageRoot, place: string): void {
  const { package: from, modified } = root.describe(place);
  const ownership = { ...root.ownershipOf(place), ...(from === undefined ? {} : { package: from }) };
  tree.add({ path: place, kind: "directory", reason: { kind: "recipe" }, ...ownership, modified });
}

function addCache(tree: Tree, { bytes, files }: ImageCache): void {
  const entry = { kind: "file", size: bytes.length, content: { bytes }, uid: 0, gid: 0, mode: 0o644 } as const;
  tree.add({ path: "/etc/ld.so.cache", ...entry, reason: { kind: "cache", files } });
}

function addFile(tree: Tree, root: PackageRoot, wanted: string, reason: Reason): void {
  if (tree.get(wanted) !== undefined) return;
  const size = root.entry(wanted)?.size ?? 0;
  const { package: from, modified } = root.describe(wanted);
  tree.add({
    path: wanted,
    kind: "file",
    size,
    content: { root, path: wanted },
    ...root.ownershipOf(wanted),
    reason,
    modified,
    ...(from === undefined ? {} : { package: from }),
  });
}

function addLinks(tree: Tree, root: PackageRoot, links: readonly Link[], to: string): void {
  for (const { path: place, target } of links) {
    if (tree.get(place)?.kind === "symlink") continue;
    const { package: from, modified, alternative } = root.describe(place);
    const reason = { kind: "link", to, ...(alternative === undefined ? {} : { alternative }) } as const;
    tree.add({
      path: place,
      kind: "symlink",
      target,
      mode: 0o777,
      uid: 0,
      gid: 0,
      reason,
      modified,
      ...(from === undefined ? {} : { package: from }),
    });
  }
}

function addParents(tree: Tree, root: PackageRoot, of: string): void {
  for (let parent = path.posix.dirname(of); parent !== "/"; parent = path.posix.dirname(parent)) {
    const existing = tree.get(parent);
    // Those above it came with it.
    if (existing?.kind === "directory" && existing.reason.kind === "parent") return;
    // Not asked for its owner in the packages, whose number perhaps nobody can tell.
    if (existing?.kind === "directory") continue;
    const { uid, gid, mode } = root.entry(parent)?.kind === "directory" ? root.ownershipOf(parent) : rootOwned;
    const { modified } = root.describe(parent);
    tree.add({ path: parent, kind: "directory", uid, gid, mode, modified, reason: { kind: "parent", of } });
  }
}

const rootOwned = { uid: 0, gid: 0, mode: 0o755 } as const;

/** The service may be started through a link: `/usr/sbin` leads to `bin` since Fedora 42. */
function addProgramLinks({ service }: ScratchImagePlan, tree: Tree, root: PackageRoot): void {
  const located = locate(root, service.command[0] ?? "/");
  if (located !== undefined && tree.get(located.path) !== undefined) addLinks(tree, root, located.links, located.path);
}

function refuseMissingProgram(plan: ScratchImagePlan, tree: Tree): void {
  const program = plan.service.command[0];
  if (program === undefined || tree.get(tree.resolve(program)) !== undefined) return;
  throw new Failure(`cannot lay out the image: the service's program ${program} is not in it`, {
    hint: `the programs are ${tree
      .entries()
      .flatMap((entry) => (entry.reason.kind === "asked" ? [entry.path] : []))
      .join(", ")}`,
  });
}

/**
 * What a path of the recipe stands for in the packages: the file there, or the directory and everything below it, links followed but none
 * twice. A link inside that leads nowhere is passed over. Throws Failure where nothing is there, or no file or directory.
 */
function includedEntries(wanted: string, root: PackageRoot): readonly Located[] {
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
