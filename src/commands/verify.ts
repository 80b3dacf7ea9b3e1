import type { Command } from "commander";
import { Podman } from "../image/podman.ts";
import { type Finding, verifyImage } from "../proof/verify.ts";
import type { CommandContext } from "../system/context.ts";
import { createPlainWorkdir } from "../system/workdir.ts";
import { ranInUserNamespace } from "./user-namespace.ts";

interface VerifyFlags {
  readonly json?: true;
  readonly allowSkip?: true;
  readonly against?: string;
}

/** `verify`: runs the checks of an image. Exits with 1 if a check fails, or is skipped without `--allow-skip`. */
export function addVerifyCommand(command: Command, context: CommandContext): void {
  command
    .argument("<image>", "an image in local storage, of either kind")
    .option("--allow-skip", "do not fail if a check cannot run here")
    .option("--against <image>", "compare the server's answers with another image's")
    .option("--json", "print JSON")
    .action(async (image: string, flags: VerifyFlags) => {
      if (await ranInUserNamespace(context)) return;
      const { run } = context;
      await using workdir = await createPlainWorkdir();
      const verification = await verifyImage(
        image,
        { podman: new Podman(run, workdir.path), workdir, run },
        flags.against,
      );
      const { findings } = verification;
      if (flags.json) context.printJson({ image, ...verification });
      else for (const finding of findings) context.print(findingText(finding));
      const bad = findings.filter(({ outcome }) => outcome === "failed" || (outcome === "skipped" && !flags.allowSkip));
      context.setExitCode(bad.length === 0 ? 0 : 1);
    });
}

const marks = { passed: "ok  ", failed: "FAIL", skipped: "skip" } as const;

/** `ok    812 ms  a client gets a lease`, and below it the last lines that the program wrote. */
export function findingText({ name, outcome, milliseconds, because, output = [] }: Finding): string {
  const line = `${marks[outcome]} ${String(milliseconds).padStart(5)} ms  ${name}${because === undefined ? "" : `: ${because}`}`;
  return [line, ...output.map((text) => `               | ${text}`)].join("\n");
}
