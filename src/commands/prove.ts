import type { Command } from "commander";
import type { Verdict } from "../proof/verdict.ts";
import type { CommandContext } from "../system/context.ts";
import { ranInUserNamespace } from "./user-namespace.ts";

interface ProveFlags {
  readonly json?: true;
}

/** `prove`: takes away each entry of an image in turn and performs the checks. Exit code 1 where one can be spared. */
export function addProveCommand(program: Command, context: CommandContext): void {
  program
    .command("prove")
    .description("show that every file of an image is needed: take each away and run the checks again")
    .argument("<image>", "an image of the local store, of either kind")
    .option("--json", "the certificate as one JSON document on stdout")
    .action(async (image: string, flags: ProveFlags) => {
      if (await ranInUserNamespace(context)) return;
      const [{ proveImage }, { Podman }, { createWorkdir }] = await Promise.all([
        import("../proof/prove.ts"),
        import("../image/podman.ts"),
        import("../system/workdir.ts"),
      ]);
      const { run, log } = context;
      await using workdir = await createWorkdir();
      const certificate = await proveImage(image, { podman: new Podman(run), workdir, run });
      const { entries, checks, objections, trials, milliseconds } = certificate;
      if (flags.json) context.print(JSON.stringify(certificate, undefined, 2));
      else for (const verdict of entries) context.print(verdictText(verdict));
      for (const { check, failsWithout, weakness } of checks) {
        if (weakness !== undefined) log[failsWithout === 0 ? "warn" : "info"](`weak check '${check}': ${weakness}`);
      }
      for (const objection of objections) log.warn(objection);
      const needed = entries.filter(({ verdict }) => verdict === "needed").length;
      log.info(`${needed} of ${entries.length} entries are needed: ${trials} trials in ${milliseconds} ms`);
      context.setExitCode(objections.length === 0 ? 0 : 1);
    });
}

/** `needed    /usr/sbin/served  'a client gets a lease' fails: the service ended with exit code 1`. */
export function verdictText({ path, verdict, failed = [], holds, accepted }: Verdict): string {
  const [first] = failed;
  const why =
    first !== undefined
      ? `'${first.check}' fails: ${first.because}`
      : holds !== undefined
        ? `it holds ${holds}`
        : accepted !== undefined
          ? `accepted: ${accepted}`
          : "all checks pass without it";
  return `${verdict.padEnd(8)}  ${path}  ${why}`;
}
