import { existsSync } from "node:fs";
import path from "node:path";
import { archNames } from "../../src/system/arch.ts";
import { projectDirectory } from "./cli.ts";
import { enableEmulation } from "./qemu.ts";
import { run } from "./run.ts";

/** What every integration test stands on: the bundled program, and emulators where they can be had. */
export async function setup(): Promise<void> {
  await run([process.execPath, ".ci/bootstrap.mjs", "build"], { cwd: projectDirectory });
  if (!existsSync(path.join(projectDirectory, "dist/main.js"))) throw new Error("dist/main.js was not built");
  if (process.getuid?.() !== 0) return;
  for (const arch of archNames) {
    try {
      await enableEmulation(arch);
    } catch (error) {
      // On a laptop without the emulator the tests that need it are skipped.
      if (process.env.REQUIRE_TOOLS === "1") throw error;
    }
  }
}
