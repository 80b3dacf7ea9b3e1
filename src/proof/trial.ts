import { existsSync } from "node:fs";
import { Failure } from "../system/errors.ts";
import { findSystemProgram } from "../system/host.ts";
import { ownName } from "../system/workdir.ts";
import type { FailedCheck, Trial } from "./ablation.ts";
import { performCheck } from "./checks/check.ts";
import type { CheckFailure } from "./checks/service.ts";
import type { ProofTools, Subject } from "./recorded-image.ts";
import { createNetwork, type Network } from "./sandbox/network.ts";
import { createSandbox, type SandboxSpec } from "./sandbox/runc.ts";
import { requireRuntime } from "./sandbox/runtime.ts";

/** Where podman looks for its init besides PATH (init_path of containers.conf(5)). */
const initPlaces = ["/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit", "/usr/libexec/catatonit/catatonit"];

/** What the sandboxes of an image stand on; `model` is where it is mounted. Throws Failure where a tool is missing. */
export function sandboxSpecOf(subject: Subject, model: string, { workdir, run }: ProofTools): SandboxSpec {
  const { service } = subject.record.plan;
  return { model, service, runtime: requireRuntime(), workdir, run, ...initOf(subject) };
}

/** Performs the checks in the recipe's order, up to the first one that fails unless all are asked for. */
export async function tryChecks(
  ground: SandboxSpec,
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
    const perform = () => performCheck(check, { engine, service, network, workdir, run });
    const first = await perform();
    // A complaint is evidence. Silence may have another reason than what is missing: it counts when it comes twice.
    const fault = first?.isSilence ? await perform() : first;
    if (fault !== undefined) failed.push({ check: check.name, because: sentenceOf(fault) });
  }
  return { failed };
}

/** The fault with the first of the program's last lines that complains: what follows is the consequence. */
function sentenceOf({ because, output }: CheckFailure): string {
  const complaint = /no such|not found|can(?:no|')t|unable|error|fail|denied|not permitted/i;
  const last = output.find((line) => complaint.test(line)) ?? output.at(-1);
  // A runtime's own log wraps what it has to say.
  const said = last?.trim().replace(/^time=\S+ level=\w+ msg="(.*)"$/, "$1");
  return said === undefined ? because : `${because}: ${said}`;
}

function initOf({ record }: Subject): { readonly init?: string } {
  if (!record.plan.service.init) return {};
  const init = findSystemProgram("catatonit") ?? initPlaces.find((place) => existsSync(place));
  if (init !== undefined) return { init };
  throw new Failure("cannot run the service: podman's init, catatonit, is not installed", {
    hint: "dhcpd-build doctor says how to install it",
  });
}

/** So many networks as the checks want them. */
export async function createNetworks(
  { record }: Subject,
  count: number,
  { workdir, run }: ProofTools,
): Promise<AsyncDisposable & { readonly all: readonly Network[] }> {
  const lease = record.plan.checks.find((check) => check.kind === "lease");
  const created = await Promise.allSettled(
    Array.from({ length: count }, () => createNetwork(workdir.file(ownName()), lease?.server, run)),
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
