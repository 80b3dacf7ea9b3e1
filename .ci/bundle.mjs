// Bundles src/ into dist/: one entry, and for each verb the chunks that it needs.
import { execFileSync } from "node:child_process";
import { chmodSync, renameSync, rmSync } from "node:fs";
import { build } from "esbuild";

// Made beside, so that a program that is running keeps its parts as long as possible, and a failure leaves the old one.
const fresh = `dist.${process.pid}`;
process.on("exit", () => rmSync(fresh, { recursive: true, force: true }));
await build({
  entryPoints: ["src/main.ts"],
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  // Less to read at every start. Names stay, for the stack of a bug.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  // Dependencies in CommonJS ask for Node's own modules with require(), which an ES module does not have.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
chmodSync(`${fresh}/main.js`, 0o755);
execFileSync(process.execPath, [`${fresh}/main.js`, "--version"], { stdio: ["ignore", "ignore", "inherit"] });
rmSync("dist", { recursive: true, force: true });
renameSync(fresh, "dist");
