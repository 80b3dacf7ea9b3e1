// Bundles src/ into dist/: one small entry, the heavy rooms in chunks that are loaded when a verb needs them.
import { chmodSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/main.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: false,
  legalComments: "none",
  // Dependencies in CommonJS ask for Node's own modules with require(), which an ES module does not have.
  banner: { js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);' },
});
chmodSync("dist/main.js", 0o755);
