// The speed of images of RPM packages: `node test/bench/fedora.mjs`, as root. Needs the built dist/. The packages are the stand-in's.
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { execute, measure } from "./measure.mjs";
import { buildah, env, exportTree, file, forget, machine, remove } from "./place.mjs";

const project = path.resolve(fileURLToPath(import.meta.url), "../../..");
const program = path.join(project, "dist/main.js");
const tool = (...args) => execute([process.execPath, program, ...args, "--arch", "x86_64", "--json"], { env });
const images = { dnf4: "localhost/standin-dnf4:44", dnf5: "localhost/standin-dnf5:44" };
const scratch = (manager, ...args) => tool("scratch", "--from", "fedora", "--builder", images[manager], ...args);
const based = (manager, ...args) => tool("fedora", "--base", images[manager], ...args);

/** The tests' stand-in, which is TypeScript and finds its own files beside itself. */
async function loadStandIn() {
  const source = path.join(project, "test/support/standin/standin.ts");
  const define = { "import.meta.url": JSON.stringify(pathToFileURL(source).href) };
  const outfile = file("standin.mjs");
  const target = "node20.19";
  await bundle({
    entryPoints: [source],
    outfile,
    define,
    banner,
    target,
    bundle: true,
    format: "esm",
    platform: "node",
  });
  const { standIn, loadBase } = await import(pathToFileURL(outfile).href);
  const world = await standIn();
  for (const [manager, name] of Object.entries(images)) await loadBase(world.base[manager], name, env);
  return path.dirname(world.repository.x86_64);
}

/** How often a build with nothing but package lists in the cache starts the container of its builder or base. */
function starts(...args) {
  forget("packages");
  const { stderr } = spawnSync(process.execPath, [program, ...args, "--arch", "x86_64", "--force", "--verbose"], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  });
  return stderr.match(/buildah run /g)?.length ?? 0;
}

/** What a directory has in it. */
function weigh(directory) {
  const places = readdirSync(directory, { recursive: true }).map((name) => path.join(directory, name));
  const sizes = places.map((place) => statSync(place)).filter((stats) => stats.isFile());
  return { size: sizes.reduce((sum, stats) => sum + stats.size, 0), files: sizes.length };
}

const banner = {
  js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
};

const fiveCommands = {
  name: "five bare buildah commands",
  run: () => {
    const container = buildah("from", "scratch");
    buildah("add", "--quiet", container, file("tree.tar"), "/");
    buildah("config", "--user", "177:177", "--workingdir", "/", "--entrypoint", '["/usr/sbin/dhcpd"]', container);
    buildah("commit", "--quiet", "--format", "oci", "--timestamp", "0", container, "localhost/bench/bare");
    buildah("rm", container);
  },
};
const node = { name: "node -e 0", run: () => execFileSync(process.execPath, ["-e", "0"]) };

function row({ ours, theirs, bound }, medians) {
  const [mine, other] = [medians.get(ours), medians.get(theirs)];
  const verdict = mine / other <= bound ? "kept" : "MISSED";
  return `${ours}: ${mine.toFixed(0)} ms, ${theirs}: ${other.toFixed(0)} ms, ${(mine / other).toFixed(2)} (bound ${bound}: ${verdict})`;
}

try {
  console.log(machine);
  // It lies in the stand-in's bases; Fedora's have nothing like it.
  const repository = weigh(await loadStandIn());
  const none = { size: 0, files: 0 };
  const kea = ["--recipe", "kea-dhcp4"];
  const tree = JSON.parse(scratch("dnf5"));
  scratch("dnf4");
  for (const [name, { images }, without] of [
    ["scratch", tree, none],
    ["OS-based, dnf5", JSON.parse(based("dnf5")), repository],
    ["OS-based, dnf 4", JSON.parse(based("dnf4")), repository],
    ["scratch, kea-dhcp4", JSON.parse(scratch("dnf5", ...kea)), none],
    ["OS-based, dnf5, kea-dhcp4", JSON.parse(based("dnf5", ...kea)), repository],
  ]) {
    const [{ size, files, packages }] = images;
    const [bytes, count] = [size - without.size, files - without.files];
    console.log(`${name}: ${bytes} bytes in ${count} files and links, of ${packages.length} packages`);
  }
  for (const [manager, name] of Object.entries(images)) {
    const scratches = starts("scratch", "--from", "fedora", "--builder", name);
    console.log(
      `starts of the container, ${manager}: scratch ${scratches}, OS-based ${starts("fedora", "--base", name)}`,
    );
  }
  exportTree(tree.images[0].id, file("tree.tar"));
  const cached = measure(
    [
      node,
      { name: "nothing to do, with a builder", run: () => scratch("dnf5") },
      { name: "nothing to do, OS-based", run: () => based("dnf5") },
      { name: "rebuild from RPMs, dnf 4 in a builder", run: () => scratch("dnf4", "--force") },
      { name: "rebuild from RPMs, dnf5 in a builder", run: () => scratch("dnf5", "--force") },
      fiveCommands,
    ],
    9,
  );
  for (const promise of [
    { ours: "nothing to do, with a builder", theirs: node.name, bound: 5 },
    { ours: "nothing to do, OS-based", theirs: node.name, bound: 5 },
    { ours: "rebuild from RPMs, dnf 4 in a builder", theirs: fiveCommands.name, bound: 2 },
    { ours: "rebuild from RPMs, dnf5 in a builder", theirs: fiveCommands.name, bound: 2 },
  ]) {
    console.log(row(promise, cached));
  }
  const fetched = measure(
    [
      { name: "OS-based, dnf5", run: () => based("dnf5", "--force") },
      { name: "OS-based, dnf 4", run: () => based("dnf4", "--force") },
      { name: "scratch, nothing fetched, dnf5", prepare: () => forget("everything"), run: () => scratch("dnf5") },
    ],
    3,
  );
  for (const [name, time] of fetched) console.log(`${name}: ${time.toFixed(0)} ms`);
} finally {
  rmSync(file("standin.mjs"), { force: true });
  remove();
}
