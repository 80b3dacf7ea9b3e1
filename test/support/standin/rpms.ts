import { chmod, cp, lstat, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Command, Run } from "../../../src/system/run.ts";
import type { RpmArch, StandInPackage } from "./package.ts";

const places = {
  x86_64: { debian: "x86_64-linux-gnu", libraries: "/usr/lib64" },
  // Only its names and metadata are Fedora's: the libraries stay where Debian's loader looks for them.
  aarch64: { debian: "aarch64-linux-gnu", libraries: "/usr/lib/aarch64-linux-gnu" },
  i686: { debian: "i386-linux-gnu", libraries: "/usr/lib" },
} as const;

/** Where a file of a Debian package lies in a system with merged /usr and merged sbin. */
function layout(file: string, arch: RpmArch): string {
  const { debian, libraries } = places[arch];
  return file
    .replace(new RegExp(`^/(usr/)?lib/${debian}/`), `${libraries}/`)
    .replace(/^\/(usr\/)?lib64\//, "/usr/lib64/")
    .replace(/^\/(usr\/)?s?bin\//, "/usr/bin/")
    .replace(/^\/lib\//, "/usr/lib/");
}

/** Builds the binary rpms of one stand-in package into `output`. `debs` has the unpacked Debian packages by name. */
export async function buildRpm(
  run: Run,
  item: StandInPackage,
  options: { arch: RpmArch; debs: string; work: string; output: string },
): Promise<void> {
  const { arch } = options;
  const work = path.join(options.work, `${item.name}.${arch}`);
  const payload = path.join(work, "payload");
  await mkdir(payload, { recursive: true });
  await takeFiles(item, arch, options.debs, payload);
  await writeOwn(item, payload);
  const spec = path.join(work, `${item.name}.spec`);
  await writeFile(spec, specOf(item, await listTree(payload)));
  const target = item.arch === "noarch" ? "noarch" : arch;
  const define = (name: string, value: string) => ["--define", `${name} ${value}`] as const;
  const command: Command = [
    "rpmbuild",
    "-bb",
    ...["--target", `${target}-linux`],
    ...define("_topdir", work),
    ...define("_rpmdir", options.output),
    ...define("_rpmfilename", "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"),
    ...define("payload", payload),
    ...define("_binary_payload", "w3.zstdio"),
    ...define("_buildhost", "stand-in"),
    ...define("use_source_date_epoch_as_buildtime", "1"),
    ...define("clamp_mtime_to_source_date_epoch", "1"),
    ...define("__os_install_post", "%{nil}"),
    ...define("debug_package", "%{nil}"),
    ...define("_build_id_links", "none"),
    ...define("_dbpath", path.join(work, "rpmdb")),
    spec,
  ];
  await run(command, { env: { SOURCE_DATE_EPOCH: "1700000000" } });
}

/** Copies what the package takes; the first Debian package that has a path wins. */
async function takeFiles(item: StandInPackage, arch: RpmArch, debs: string, payload: string): Promise<void> {
  const { libraries } = places[arch];
  const there = (text: string) => text.replaceAll("LIB/", `${libraries}/`);
  const wanted = item.take.map((pattern) => new RegExp(there(pattern.source.replaceAll("\\/", "/"))));
  const moves = new Map(Object.entries(item.moves ?? {}).map(([from, to]) => [there(from), there(to)]));
  const taken = new Set<string>();
  for (const deb of item.from[arch] ?? []) {
    const root = path.join(debs, deb);
    for (const file of (await listTree(root)).filter(({ kind }) => kind !== "directory")) {
      const laid = layout(file.path, arch).replace(`/usr/share/doc/${deb}/`, `/usr/share/doc/${item.name}/`);
      const place = moves.get(laid) ?? laid;
      if (taken.has(place) || !wanted.some((pattern) => pattern.test(place) || pattern.test(laid))) continue;
      taken.add(place);
      const target = path.join(payload, place);
      await mkdir(path.dirname(target), { recursive: true });
      await cp(path.join(root, file.path), target, { verbatimSymlinks: true });
      // rpm looks for dependencies in executable files only, and Fedora's libraries are executable.
      if (file.kind === "file" && /\.so(\.|$)/.test(place)) await chmod(target, 0o755);
    }
  }
}

async function writeOwn(item: StandInPackage, payload: string): Promise<void> {
  for (const directory of item.directories ?? []) await mkdir(path.join(payload, directory), { recursive: true });
  for (const [name, content] of Object.entries(item.files ?? {})) {
    await mkdir(path.dirname(path.join(payload, name)), { recursive: true });
    await writeFile(path.join(payload, name), content);
  }
  for (const [name, target] of Object.entries(item.links ?? {})) {
    await mkdir(path.dirname(path.join(payload, name)), { recursive: true });
    await symlink(target, path.join(payload, name));
  }
}

interface Found {
  readonly path: string;
  readonly kind: "file" | "symlink" | "directory";
}

async function listTree(root: string): Promise<readonly Found[]> {
  const names = await readdir(root, { recursive: true });
  const found = names.sort().map(async (name): Promise<Found> => {
    const stats = await lstat(path.join(root, name));
    return { path: `/${name}`, kind: stats.isDirectory() ? "directory" : stats.isFile() ? "file" : "symlink" };
  });
  return Promise.all(found);
}

function specOf(item: StandInPackage, tree: readonly Found[]): string {
  const own = new Set(item.directories ?? []);
  const files = tree
    .filter(({ path: place, kind }) => kind !== "directory" || own.has(place))
    .map(({ path: place, kind }) =>
      [
        item.marks?.[place] ?? "",
        kind === "directory" ? "%dir" : "",
        place.startsWith("/usr/share/doc/") ? "%doc" : "",
        place,
      ]
        .filter((word) => word !== "")
        .join(" "),
    );
  // The source's name first, so that the source rpm is named as in Fedora; its own package has no files and is not built.
  const isMain = item.source === item.name;
  const epoch = item.epoch === undefined ? [] : [`Epoch: ${item.epoch}`];
  return [
    `Name: ${item.source}`,
    ...epoch,
    `Version: ${item.version}`,
    `Release: ${item.release}`,
    "Summary: Stand-in for tests, not of Fedora",
    `License: ${item.license}`,
    "Vendor: stand-in (not Fedora)",
    ...(isMain
      ? []
      : ["%description", "Stand-in.", `%package -n ${item.name}`, "Summary: Stand-in for tests, not of Fedora"]),
    ...(item.relations ?? []),
    ...Object.entries(item.files ?? {}).flatMap(([name, content]) =>
      name.startsWith("/usr/lib/sysusers.d/") ? content.trimEnd().split("\n").flatMap(usersOf) : [],
    ),
    `%description ${isMain ? "" : `-n ${item.name}`}`,
    `Debian's files in the layout of Fedora, for tests. Not of Fedora.`,
    "%install",
    "mkdir -p %{buildroot}",
    "cp -a %{payload}/. %{buildroot}/",
    item.sections ?? "",
    `%files -n ${item.name}`,
    "%defattr(-,root,root,-)",
    ...files,
    "",
  ].join("\n");
}

/**
 * What rpm 4.19 and later say of a line of sysusers.d(5), and this machine's may not yet: the account with the whole line in
 * base64, padded with NUL so that no "=" is in it. By it a newer rpm makes the account before it installs the files.
 */
function usersOf(line: string): readonly string[] {
  const name = line.split(" ")[1] ?? "";
  const padded = line.padEnd(Math.ceil(line.length / 3) * 3, "\0");
  return [`Provides: user(${name}) = ${Buffer.from(padded).toString("base64")}`, `Provides: group(${name})`];
}
