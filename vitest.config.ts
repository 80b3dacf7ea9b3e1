import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Tests wait for other programs more than they work: two files at a time on two processors, too.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      { test: { name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/integration/**"], testTimeout: 30_000 } },
      {
        test: {
          name: "integration",
          // Real daemons and networks: on a busy machine one may be late once. Twice is a defect.
          retry: process.env.CI === undefined ? 0 : 1,
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/world.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
