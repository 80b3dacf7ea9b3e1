import type { Command } from "commander";
import { Podman } from "../image/podman.ts";
import { type LookupReport, traceLookups } from "../proof/lookups.ts";
import { type ProofReport, proveImage } from "../proof/prove.ts";
import { pruneImage } from "../proof/prune.ts";
import type { ProofTools } from "../proof/recorded-image.ts";
import type { Verdict } from "../proof/verdict.ts";
import type { CommandContext } from "../system/context.ts";
import { createPlainWorkdir } from "../system/workdir.ts";
import { ranInUserNamespace } from "./user-namespace.ts";

interface ProveFlags {
  readonly json?: true;
  readonly prune?: true;
  readonly trace?: true;
}

/** `prove`: removes each entry of an image in turn and runs the checks. Exits with 1 if an entry is not needed. */
export function addProveCommand(command: Command, context: CommandContext): void {
  command
    .argument("<image>", "an image in local storage, of either kind")
    .option("--prune", "also build NAME-pruned without unneeded files, and prove it")
    .option("--trace", "also list files that the service did not find or never opened (uses strace)")
    .option("--json", "print JSON")
    .action(async (image: string, flags: ProveFlags) => {
      if (await ranInUserNamespace(context)) return;
      const { run } = context;
      await using workdir = await createPlainWorkdir();
      const tools = { podman: new Podman(run, workdir.path), workdir, run };
      const first = await proveImage(image, tools);
      const certificate = flags.prune ? await pruned(first, tools, context) : first;
      const lookups = flags.trace ? await traced(certificate.image.reference, tools) : undefined;
      if (flags.json) context.printJson({ ...certificate, ...(lookups ?? {}) });
      else for (const verdict of certificate.entries) context.print(verdictText(verdict));
      if (!flags.json && lookups !== undefined) for (const line of lookupLines(lookups.lookups)) context.print(line);
      report(certificate, context);
      context.setExitCode(certificate.objections.length === 0 ? 0 : 1);
    });
}

async function traced(image: string, tools: ProofTools): Promise<{ readonly lookups: LookupReport }> {
  return { lookups: await traceLookups(image, tools) };
}

/** `absent    /etc/services  not found in the image: on this machine netbase has it`. */
export function lookupLines({ missing, unopened }: LookupReport): readonly string[] {
  return [
    ...missing.map(({ path, package: owner }) => {
      const hint = owner === undefined ? "" : ` (on this machine: package ${owner})`;
      return `absent    ${path}  not found in the image${hint}`;
    }),
    ...unopened.map((path) => `unopened  ${path}  no check opens it`),
  ];
}

/** Builds the image without the dispensable entries and proves it. */
async function pruned(first: ProofReport, tools: ProofTools, { log }: CommandContext): Promise<ProofReport> {
  if (first.dispensable.length === 0) {
    log.info("nothing to prune");
    return first;
  }
  const { references } = await pruneImage(first.image.reference, first.dispensable, tools);
  log.info(`${references.join(" and ")}: without ${first.dispensable.join(", ")}`);
  return proveImage(references[0] ?? "", tools);
}

function report({ entries, checks, objections, trials, milliseconds }: ProofReport, { log }: CommandContext): void {
  for (const { check, failsWithout, weakness } of checks) {
    if (weakness !== undefined) log[failsWithout === 0 ? "warn" : "info"](`weak check '${check}': ${weakness}`);
  }
  for (const objection of objections) log.warn(objection);
  const needed = entries.filter(({ verdict }) => verdict === "needed").length;
  log.info(`${needed} of ${entries.length} entries are needed: ${trials} trials in ${milliseconds} ms`);
}

/** `needed    /usr/sbin/served  'a client gets a lease' fails: the service ended with exit code 1`. */
export function verdictText({ path, verdict, failed = [], holds, accepted }: Verdict): string {
  const [first] = failed;
  const why =
    first !== undefined
      ? `'${first.check}' fails: ${first.because}`
      : holds !== undefined
        ? `contains ${holds}`
        : accepted !== undefined
          ? `accepted: ${accepted}`
          : "all checks pass without it";
  return `${verdict.padEnd(8)}  ${path}  ${why}`;
}
