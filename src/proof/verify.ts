import type { Check } from "../plan/check.ts";
import { arches, runsHere } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import { ownName } from "../system/workdir.ts";
import { performCheck } from "./checks/check.ts";
import { type CheckFailure, writtenOutside } from "./checks/service.ts";
import { differences, type ImageFile, listFiles, machineOf } from "./image-files.ts";
import { inParallel } from "./pool.ts";
import { misconfigurations, openSubject, type ProofTools, type Subject } from "./recorded-image.ts";
import type { Engine, Running } from "./sandbox/engine.ts";
import { createNetwork } from "./sandbox/network.ts";
import { PodmanEngine } from "./sandbox/podman.ts";
import { createSandbox } from "./sandbox/runc.ts";
import { sandboxSpecOf } from "./trial.ts";

/** What was found about one thing that must be true of an image. */
export interface Finding {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly milliseconds: number;
  /** What is wrong, or why it was not looked at. */
  readonly because?: string;
  /** The last lines of the program. */
  readonly output?: readonly string[];
}

export interface Verification {
  readonly id: string;
  readonly arch: string;
  readonly findings: readonly Finding[];
}

/** Something to find out; `perform` returns what is wrong. */
interface Question {
  readonly name: string;
  /** Whether the image's programs must run for it. */
  readonly runs: boolean;
  /** Whether its answer means nothing where a check fails: then anything fails with less. */
  readonly presumesChecks?: true;
  perform(): Promise<CheckFailure | undefined>;
}

/** Containers going at the same time: more of them than processors, because most of the time they wait. */
const atOnce = 4;

/**
 * Performs the checks of an image's record under the real runtime, with the privileges of its unit, and asserts what the record
 * says of it, and that its service answers as that of another image. Throws Failure where that cannot be done at all.
 */
export async function verifyImage(image: string, tools: ProofTools, against?: string): Promise<Verification> {
  const subject = await openSubject(image, tools.podman);
  const { record, facts } = subject;
  await using mounted = await tools.podman.mountImage(facts.id);
  const written = new Set<string>();
  const questions = [
    ...record.plan.checks.map((check) => checkQuestion(check, subject, tools, written)),
    ...record.plan.service.capabilities.map((capability) =>
      capabilityQuestion(capability, subject, mounted.path, tools),
    ),
    ...(against === undefined ? [] : await twinQuestions(subject, against, tools)),
    ...factQuestions(subject, mounted.path, await listFiles(mounted.path)),
  ];
  const isRunnable = runsHere(record.plan.arch);
  // The longest way is the lease's: it sets off first.
  const order = [...questions].sort((a, b) => Number(isLease(b, subject)) - Number(isLease(a, subject)));
  const found = new Map<Question, Finding>();
  await inParallel(atOnce, order, async (question) => {
    found.set(question, question.runs && !isRunnable ? notRunnable(question, subject) : await answer(question));
  });
  const isBroken = record.plan.checks.some(({ name }) =>
    [...found.values()].some((finding) => finding.name === name && finding.outcome === "failed"),
  );
  const findings = questions
    .flatMap((question) => ({ question, finding: found.get(question) }))
    .flatMap(({ question, finding }) => {
      if (finding === undefined) return [];
      return isBroken && question.presumesChecks ? [presuming(finding)] : [finding];
    });
  return {
    id: facts.id,
    arch: record.plan.arch,
    findings: [...findings, ...writingFinding(subject, written, isRunnable)],
  };
}

function isLease({ name }: Question, { record }: Subject): boolean {
  return record.plan.checks.some((check) => check.kind === "lease" && check.name === name);
}

async function answer({ name, perform }: Question): Promise<Finding> {
  const started = performance.now();
  const fault = await perform();
  const milliseconds = Math.round(performance.now() - started);
  return { name, outcome: fault === undefined ? "passed" : "failed", milliseconds, ...complaintOf(fault) };
}

function complaintOf(fault: CheckFailure | undefined): Pick<Finding, "because" | "output"> {
  return fault === undefined ? {} : { because: fault.because, output: fault.output };
}

function presuming({ name, milliseconds }: Finding): Finding {
  return { name, outcome: "skipped", milliseconds, because: "a check fails even with all of them" };
}

function notRunnable({ name }: Question, { record }: Subject): Finding {
  const because = `no emulator of ${record.plan.arch} is registered with this machine's kernel`;
  return { name, outcome: "skipped", milliseconds: 0, because };
}

function checkQuestion(check: Check, subject: Subject, tools: ProofTools, written: Set<string>): Question {
  const { state, runtime } = subject.record.plan.service;
  const whileServing = async (running: Running) => {
    const pid = await running.pid();
    for (const place of pid === undefined ? [] : writtenOutside(pid, [...state, ...runtime])) written.add(place);
  };
  return { name: check.name, runs: true, perform: () => perform(check, subject, tools, { whileServing }) };
}

/**
 * With one capability less some check must fail, or the service does not need it. Tried in a sandbox, which grants what podman grants and is
 * there in a fraction of the time.
 */
function capabilityQuestion(capability: string, subject: Subject, model: string, tools: ProofTools): Question {
  const { checks, service } = subject.record.plan;
  const capabilities = service.capabilities.filter((each) => each !== capability);
  return {
    name: `it needs the capability ${capability}`,
    runs: true,
    presumesChecks: true,
    perform: async () => {
      await using engine = await createSandbox(sandboxSpecOf(subject, model, tools), []);
      // A command that only looks at the configuration seldom needs any: services first.
      const order = [...checks].sort((a, b) => Number(a.kind === "run") - Number(b.kind === "run"));
      for (const check of order) {
        const fault = await perform(check, subject, tools, { engine, capabilities });
        if (fault === undefined) continue;
        refuseRuntimeFault(fault);
        return undefined;
      }
      return { because: "all checks pass without it", output: [] };
    },
  };
}

/** A sandbox that cannot be had proves nothing. */
function refuseRuntimeFault({ output }: CheckFailure): void {
  const line = output.find((each) => /\b(?:runc|crun)\b.*(?:failed|error)/i.test(each) && !/\bexec/.test(each));
  if (line !== undefined) throw new Failure(`cannot run the service in a sandbox: ${line}`);
}

async function twinQuestions(subject: Subject, against: string, tools: ProofTools): Promise<readonly Question[]> {
  const other = await openSubject(against, tools.podman);
  const leases = subject.record.plan.checks.filter((check) => check.kind === "lease");
  if (leases.length === 0) throw new Failure(`cannot compare with ${against}: the recipe has no lease check`);
  const { compareAnswers } = await import("./compare/compare.ts");
  return leases.map((check) => ({
    name: `${check.name}, and all answers are those of ${against}`,
    runs: true,
    perform: () => compareAnswers(check, [subject, other], tools),
  }));
}

async function perform(
  check: Check,
  { record, facts }: Subject,
  tools: ProofTools,
  how: {
    readonly engine?: Engine;
    readonly capabilities?: readonly string[];
    readonly whileServing?: (running: Running) => Promise<void>;
  },
): Promise<CheckFailure | undefined> {
  const { service, checks } = record.plan;
  const { workdir, run } = tools;
  const engine = new PodmanEngine(facts.id, service, tools);
  const lease = checks.find((each) => each.kind === "lease");
  await using network = await createNetwork(workdir.file(ownName()), lease?.server, run);
  return await performCheck(check, { engine, service, network, workdir, run, ...how });
}

function factQuestions(subject: Subject, root: string, files: readonly ImageFile[]): readonly Question[] {
  const { record } = subject;
  const wanted = arches[record.plan.arch].elfMachine;
  return [
    {
      name: "it is configured as its record says",
      runs: false,
      perform: async () => checkFailureOfList(misconfigurations(subject)),
    },
    {
      name: `every program and library is for ${record.plan.arch}`,
      runs: false,
      perform: async () => {
        const foreign = files.filter(({ kind, path }) => {
          const machine = kind === "file" ? machineOf(root + path) : undefined;
          return machine !== undefined && machine !== wanted;
        });
        return checkFailureOfList(foreign.map(({ path }) => `${path} is for another architecture`));
      },
    },
    ...(record.plan.kind === "os"
      ? []
      : [
          {
            name: "its files are those of its record",
            runs: false,
            perform: async () => checkFailureOfList(differences(root, files, record.entries)),
          },
        ]),
  ];
}

function writingFinding({ record }: Subject, written: ReadonlySet<string>, isRunnable: boolean): readonly Finding[] {
  const { service, checks } = record.plan;
  if (!isRunnable || !checks.some(({ kind }) => kind !== "run")) return [];
  const own = [...service.state, ...service.runtime];
  const name = own.length === 0 ? "it writes no file" : `it writes nowhere but into ${own.join(", ")}`;
  const fault = checkFailureOfList([...written].map((place) => `it wrote ${place}`));
  return [{ name, outcome: fault === undefined ? "passed" : "failed", milliseconds: 0, ...complaintOf(fault) }];
}

function checkFailureOfList(sentences: readonly string[]): CheckFailure | undefined {
  const [first, ...others] = sentences;
  if (first === undefined) return undefined;
  return { because: others.length === 0 ? first : `${first}, and ${others.length} more`, output: others.slice(0, 12) };
}
