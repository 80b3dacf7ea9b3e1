import { mkdir } from "node:fs/promises";
import { packagesHaving } from "../packages/installed-files.ts";
import { Failure } from "../system/errors.ts";
import { findProgram } from "../system/host.ts";
import { listFiles } from "./image-files.ts";
import { openSubject, type ProofTools, type Subject } from "./recorded-image.ts";
import { initPlace } from "./sandbox/oci-config.ts";
import { openedOf, readLookups } from "./trace.ts";
import { createNetworks, sandboxSpecOf, tryChecks } from "./trial.ts";

/** What the checks made the service look for. */
export interface LookupReport {
  /** What it did not find, with the package of this machine that has it. */
  readonly missing: readonly { readonly path: string; readonly package?: string }[];
  /** Files and links of the image that nobody opened. */
  readonly unopened: readonly string[];
}

/** Performs the checks on the whole image once, in a sandbox whose every look at a file is recorded by strace. Throws Failure. */
export async function traceLookups(image: string, tools: ProofTools): Promise<LookupReport> {
  if (findProgram("strace") === undefined) {
    throw new Failure("cannot trace the service: strace is not installed", { hint: "install strace" });
  }
  const subject = await openSubject(image, tools.podman);
  await using mounted = await tools.podman.mountImage(subject.facts.id);
  const trace = tools.workdir.file("trace");
  await mkdir(trace);
  const ground = { ...sandboxSpecOf(subject, mounted.path, tools), trace };
  await using networks = await createNetworks(subject, 1, tools);
  const [network] = networks.all;
  if (network !== undefined) await tryChecks(ground, subject, network, [], true);
  const { found, missing } = await readLookups(trace, programsOf(subject));
  const opened = openedOf(mounted.path, [...found, ...interpretersOf(subject)]);
  const files = (await listFiles(mounted.path)).filter(({ kind }) => kind !== "directory");
  const owners = await packagesHaving(missing, tools.run);
  return {
    missing: missing.map((path) => {
      const owner = owners.get(path);
      return { path, ...(owner === undefined ? {} : { package: owner }) };
    }),
    unopened: files.flatMap(({ path }) => (opened.has(path) ? [] : [path])),
  };
}

function programsOf({ record }: Subject): readonly string[] {
  const { service, checks } = record.plan;
  const commands = checks.flatMap((check) => (check.kind === "run" ? [check.command] : []));
  return [initPlace, ...[service.command, ...commands].flatMap(([program]) => program ?? [])];
}

/** The kernel opens a program's interpreter itself, by the path that is in the program: no call tells of it. */
function interpretersOf({ record }: Subject): readonly string[] {
  const interpreters = record.entries.flatMap(({ path, reason }) =>
    reason.kind === "needed" && reason.rule === "interpreter" ? [path] : [],
  );
  const ways = record.entries.flatMap(({ path, reason }) =>
    reason.kind === "link" && interpreters.includes(reason.to) ? [path] : [],
  );
  return [...interpreters, ...ways];
}
