import { expect, it } from "vitest";
import { sandboxTrouble } from "../../src/proof/sandbox/attempt.ts";
import { hostArch } from "../../src/system/arch.ts";
import { findSystemProgram } from "../../src/system/host.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";

const arch = hostArch() ?? "x86_64";

it.runIf(requireTools("root", "runc", "ip", "nsenter"))("a sandbox of this machine starts a program", async () => {
  expect(await sandboxTrouble(findSystemProgram("runc")!, arch, run)).toBeUndefined();
});

it.runIf(requireTools("root", "ip", "nsenter"))("a runtime that fails is named", async () => {
  expect(await sandboxTrouble("/bin/false", arch, run)).toBe("false cannot start a container here");
});
