import { existsSync } from "node:fs";
import { arches } from "../system/arch.ts";
import { runsHere } from "../system/emulation.ts";
import { Failure } from "../system/errors.ts";
import { findProgram } from "../system/host.ts";
import { version as toolVersion } from "../system/version.ts";
import { ownName } from "../system/workdir.ts";
import { ablate, type CheckWorth, type FailedCheck, spareTogether, type Trial, worthOf } from "./ablation.ts";
import { performCheck } from "./check.ts";
import { type ImageFile, listFiles } from "./image-files.ts";
import { createNetwork, type Network } from "./network.ts";
import { Pool } from "./pool.ts";
import { createSandbox, type Ground } from "./sandbox.ts";
import type { Fault } from "./serving.ts";
import { openSubject, type Subject } from "./subject.ts";
import type { ProofTools } from "./tools.ts";
import { candidatesOf, objections, type Verdict, verdictsOf } from "./verdict.ts";

/** What was proved of an image, for whoever wants to hold us to it. */
export interface Certificate {
  readonly certificateVersion: 1;
  readonly tool: { readonly name: "dhcpd-build"; readonly version: string };
  /** The OCI runtime's program. */
  readonly runtime: string;
  readonly image: { readonly reference: string; readonly id: string; readonly arch: string };
  readonly checks: readonly CheckWorth[];
  readonly entries: readonly Verdict[];
  /** Unproven entries that can be missing all at the same time. */
  readonly dispensable: readonly string[];
  readonly objections: readonly string[];
  /** How often the checks were tried on the image without something. */
  readonly trials: number;
  readonly milliseconds: number;
}

/** Trials going on at the same time, each on a network of its own. */
const atOnce = 3;

/** Where podman looks for its init besides PATH (init_path of containers.conf(5)). */
const initPlaces = ["/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit", "/usr/libexec/catatonit/catatonit"];

/**
 * Performs the checks on the image without each of its entries in turn, in sandboxes that leave the image alone. Throws Failure where
 * the checks cannot be performed, or fail on the whole image.
 */
export async function proveImage(image: string, tools: ProofTools): Promise<Certificate> {
  const started = performance.now();
  const { podman, workdir, run } = tools;
  const subject = await openSubject(image, podman);
  const { plan, entries } = subject.record;
  refuseUnprovable(image, subject);
  await using mounted = await podman.mountImage(subject.facts.id);
  const files = await listFiles(mounted.path);
  const runtime = findRuntime();
  const ground = { model: mounted.path, service: plan.service, runtime, workdir, run, ...initOf(subject) };
  await using networks = await createNetworks(subject, tools);
  await using pool = new Pool(networks.all);
  let trials = -1;
  const tryWithout = (paths: readonly string[], thorough: boolean): Promise<Trial> =>
    pool.use(async (network) => {
      trials++;
      return await tryChecks(ground, subject, network, paths, thorough);
    });
  const [, found] = await Promise.all([
    tryWithout([], false).then((whole) => refuseFailing(image, whole)),
    ablate(candidatesOf(files, entries), tryWithout),
  ]);
  const verdicts = verdictsOf(files, found, plan.accept);
  const unproven = topmost(verdicts.filter((each) => each.verdict === "unproven" && each.accepted === undefined));
  return {
    certificateVersion: 1,
    tool: { name: "dhcpd-build", version: toolVersion },
    runtime,
    image: { reference: image, id: subject.facts.id, arch: plan.arch },
    checks: worthOf(
      // A stop check is about how the service ends, whatever files it has.
      plan.checks.flatMap(({ name, kind }) => (kind === "stop" ? [] : [name])),
      found,
    ),
    entries: verdicts,
    dispensable: await spareTogether(unproven, tryWithout),
    objections: objections(verdicts, plan.accept),
    trials,
    milliseconds: Math.round(performance.now() - started),
  };
}

/** Performs the checks in the recipe's order, up to the first one that fails unless all are asked for. */
async function tryChecks(
  ground: Ground,
  { record }: Subject,
  network: Network,
  without: readonly string[],
  thorough: boolean,
): Promise<Trial> {
  const { checks, service } = record.plan;
  const { workdir, run } = ground;
  await using engine = await createSandbox(ground, without);
  const failed: FailedCheck[] = [];
  for (const check of checks) {
    if (failed.length > 0 && !thorough) break;
    const fault = await performCheck(check, { engine, service, network, workdir, run });
    if (fault !== undefined) failed.push({ check: check.name, because: sentenceOf(fault) });
  }
  return { failed };
}

/** The fault with the first of the program's last lines that complains: what follows is the consequence. */
function sentenceOf({ because, output }: Fault): string {
  const complaint = /no such|not found|can(?:no|')t|unable|error|fail|denied|not permitted/i;
  const last = output.find((line) => complaint.test(line)) ?? output.at(-1);
  return last === undefined ? because : `${because}: ${last.trim()}`;
}

function refuseUnprovable(image: string, { record }: Subject): void {
  const { arch, checks } = record.plan;
  if (!runsHere(arch)) {
    throw new Failure(`cannot prove ${image}: no emulator of ${arch} is registered with this machine's kernel`, {
      hint: `dhcpd-build doctor says how to get ${arches[arch].qemu}`,
    });
  }
  if (checks.length === 0) throw new Failure(`cannot prove ${image}: its recipe has no checks`);
}

function refuseFailing(image: string, { failed }: Trial): void {
  const [first] = failed;
  if (first === undefined) return;
  throw new Failure(`cannot prove ${image}: with all its files '${first.check}' fails: ${first.because}`, {
    hint: `see dhcpd-build verify ${image}`,
  });
}

export function initOf({ record }: Subject): { readonly init?: string } {
  if (!record.plan.service.init) return {};
  const init = findProgram("catatonit") ?? initPlaces.find((place) => existsSync(place));
  if (init !== undefined) return { init };
  throw new Failure("cannot run the service: podman's init, catatonit, is not installed", {
    hint: "dhcpd-build doctor says how to install it",
  });
}

export function findRuntime(): string {
  const runtime = findProgram("runc") ?? findProgram("crun");
  if (runtime !== undefined) return runtime;
  throw new Failure("cannot make a sandbox: no OCI runtime is installed", { hint: "install crun or runc" });
}

async function createNetworks({ record }: Subject, { workdir, run }: ProofTools) {
  const lease = record.plan.checks.find((check) => check.kind === "lease");
  const created = await Promise.allSettled(
    Array.from({ length: atOnce }, () => createNetwork(workdir.file(ownName()), lease?.server, run)),
  );
  const all = created.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const dispose = async () => {
    for (const network of all) await network[Symbol.asyncDispose]();
  };
  const failure = created.find((result) => result.status === "rejected");
  if (failure === undefined) return { all, [Symbol.asyncDispose]: dispose };
  await dispose();
  throw failure.reason;
}

/** Without what lies below another one of them. */
function topmost(verdicts: readonly Pick<ImageFile, "path">[]): readonly string[] {
  const paths = verdicts.map(({ path }) => path);
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}/`)));
}
