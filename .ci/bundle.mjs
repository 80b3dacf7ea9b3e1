// Bundles src/ into dist/: one small entry, the heavy rooms in chunks that are loaded when a verb needs them.
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build, transform } from "esbuild";

// Made beside, so that a program that is running keeps its parts as long as possible, and a failure leaves the old one.
const fresh = `dist.${process.pid}`;
process.on("exit", () => rmSync(fresh, { recursive: true, force: true }));
const { metafile } = await build({
  entryPoints: ["src/main.ts"],
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: false,
  legalComments: "none",
  metafile: true,
  plugins: [{ name: "without-child-processes", setup: withoutChildProcesses }],
  // Dependencies in CommonJS ask for Node's own modules with require(), which an ES module does not have.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
await joinStartup();
await dropWhitespace();
chmodSync(`${fresh}/main.js`, 0o755);
// Chunks that import one another in a circle make a bundle that does not start.
execFileSync(process.execPath, [`${fresh}/main.js`, "--version"], { stdio: ["ignore", "ignore", "inherit"] });
rmSync("dist", { recursive: true, force: true });
renameSync(fresh, "dist");

/** commander starts programs for subcommands that are programs, of which there are none; loading what it takes is felt at every start. */
function withoutChildProcesses({ onResolve, onLoad }) {
  onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
    importer.includes("/node_modules/commander/") ? { path: "child_process", namespace: "empty" } : undefined,
  );
  onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "" }));
}

/**
 * Makes one file of the chunks that the entry always loads: each file costs a millisecond at every start. esbuild makes a chunk
 * per set of verbs that share it, and cannot be told otherwise.
 */
async function joinStartup() {
  const chunks = withoutCollisions([...loadedBy(`${fresh}/main.js`, new Set())]);
  const names = chunks.map((chunk) => path.basename(chunk));
  await build({
    stdin: { contents: names.map((name) => `export * from "./${name}";`).join("\n"), resolveDir: fresh },
    outfile: `${fresh}/startup.js`,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    legalComments: "none",
    plugins: [{ name: "leave-the-others", setup: leaveOthers(names) }],
  });
  for (const chunk of chunks) rmSync(chunk);
  for (const name of readdirSync(fresh).filter((each) => each !== "startup.js")) {
    const file = path.join(fresh, name);
    writeFileSync(file, importingOnce(readFileSync(file, "utf8"), names));
  }
}

/** The text with one import from startup.js in place of those from the chunks that it is made of: each import is resolved anew. */
function importingOnce(text, names) {
  const taken = [];
  const rest = text.replaceAll(/^import (?:\{([^}]*)\} from )?"\.\/([^"]+)";\n/gm, (line, what, from) => {
    if (!names.includes(from)) return line;
    taken.push(...(what ?? "").split(",").map((each) => each.trim()));
    return "";
  });
  if (rest === text) return text;
  const [, shebang = ""] = /^(#!.*\n)/.exec(rest) ?? [];
  return `${shebang}import { ${taken.filter(Boolean).join(", ")} } from "./startup.js";\n${rest.slice(shebang.length)}`;
}

/** Less to read at every start; names stay, for the stack of a bug. */
async function dropWhitespace() {
  for (const name of readdirSync(fresh)) {
    const file = path.join(fresh, name);
    const options = { minifyWhitespace: true, minifySyntax: true, target: "node20.19", legalComments: "none" };
    const { code } = await transform(readFileSync(file, "utf8"), { format: "esm", ...options });
    writeFileSync(file, code);
  }
}

/** The chunks that an output imports as it is loaded, and those that they import. */
function loadedBy(output, found) {
  for (const { path: chunk, kind, external } of metafile.outputs[output].imports) {
    if (kind !== "import-statement" || external || found.has(chunk)) continue;
    found.add(chunk);
    loadedBy(chunk, found);
  }
  return found;
}

/**
 * Chunks that can be one module: no two of them export the same name, and none imports one that stays outside, which would import the
 * module before it is there.
 */
function withoutCollisions(chunks) {
  const taken = new Set();
  let joined = chunks.filter((chunk) => {
    const { exports } = metafile.outputs[chunk];
    if (exports.some((name) => taken.has(name))) return false;
    for (const name of exports) taken.add(name);
    return true;
  });
  for (let before; joined.length !== before; ) {
    before = joined.length;
    joined = joined.filter((chunk) => [...loadedBy(chunk, new Set())].every((each) => joined.includes(each)));
  }
  return joined;
}

function leaveOthers(names) {
  return ({ onResolve }) =>
    onResolve({ filter: /^\.\// }, ({ path: wanted, kind }) =>
      kind === "dynamic-import" || !names.includes(path.basename(wanted))
        ? { path: wanted, external: true }
        : undefined,
    );
}
