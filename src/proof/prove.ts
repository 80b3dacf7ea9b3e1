import { arches, runsHere } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { version as toolVersion } from "../system/version.ts";
import { ablate, type CheckCoverage, coverageOf, spareTogether, type Trial } from "./ablation.ts";
import { type ImageFile, listFiles } from "./image-files.ts";
import { Pool } from "./pool.ts";
import { openSubject, type ProofTools, type Subject } from "./recorded-image.ts";
import { createNetworks, sandboxSpecOf, tryChecks } from "./trial.ts";
import { acceptedOf, objections, removablesOf, type Verdict, verdictsOf } from "./verdict.ts";

/** What was proved of an image, for whoever wants to hold us to it. */
export interface ProofReport {
  readonly certificateVersion: 1;
  readonly tool: { readonly name: "dhcpd-build"; readonly version: string };
  /** The OCI runtime's program. */
  readonly runtime: string;
  readonly image: { readonly reference: string; readonly id: string; readonly arch: string };
  readonly checks: readonly CheckCoverage[];
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

/**
 * Performs the checks on the image without each of its entries in turn, in sandboxes that leave the image alone. Throws Failure where
 * the checks cannot be performed, or fail on the whole image.
 */
export async function proveImage(image: string, tools: ProofTools): Promise<ProofReport> {
  const started = performance.now();
  const { podman } = tools;
  const subject = await openSubject(image, podman);
  const { plan, entries } = subject.record;
  refuseUnprovable(image, subject);
  await using mounted = await podman.mountImage(subject.facts.id);
  const files = await listFiles(mounted.path);
  const ground = sandboxSpecOf(subject, mounted.path, tools);
  await using networks = await createNetworks(subject, atOnce, tools);
  await using pool = new Pool(networks.all);
  let trials = -1;
  const tryWithout = (paths: readonly string[], thorough: boolean): Promise<Trial> =>
    pool.use(async (network) => {
      trials++;
      return await tryChecks(ground, subject, network, paths, thorough);
    });
  const [, found] = await Promise.all([
    tryWithout([], false).then((whole) => refuseFailing(image, whole)),
    ablate(removablesOf(files, entries), tryWithout),
  ]);
  const verdicts = verdictsOf(files, found, acceptedOf(subject.record), entries);
  const unproven = topmost(verdicts.filter((each) => each.verdict === "unproven" && each.accepted === undefined));
  return {
    certificateVersion: 1,
    tool: { name: "dhcpd-build", version: toolVersion },
    runtime: ground.runtime,
    image: { reference: subject.facts.reference, id: subject.facts.id, arch: plan.arch },
    checks: coverageOf(
      // A stop check is about how the service ends, whatever files it has.
      plan.checks.flatMap(({ name, kind }) => (kind === "stop" ? [] : [name])),
      found,
    ),
    entries: verdicts,
    dispensable: await spareTogether(unproven, tryWithout),
    objections: objections(verdicts, plan.unproven),
    trials,
    milliseconds: Math.round(performance.now() - started),
  };
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

/** Without what lies below another one of them. */
function topmost(verdicts: readonly Pick<ImageFile, "path">[]): readonly string[] {
  const paths = verdicts.map(({ path }) => path);
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}/`)));
}
