import { executionConfig } from "../image/config.ts";
import type { ImageFacts, Podman } from "../image/podman.ts";
import { executionFields } from "../report/configuration.ts";
import type { BuildRecord } from "../report/record.ts";
import { readRecord } from "../report/record-text.ts";
import { arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";
import type { Run } from "../system/run.ts";
import type { Workdir } from "../system/workdir.ts";

/** An image of the store with the record that it carries. */
export interface Subject {
  readonly facts: ImageFacts & { readonly reference: string };
  readonly record: BuildRecord;
}

/** Throws Failure for an image that is not there or has no record. */
export async function openSubject(image: string, podman: Podman): Promise<Subject> {
  const facts = await podman.inspectImage(image);
  const record = readRecord(facts);
  if (record === undefined) {
    throw new Failure(`cannot check image ${image}: it has no record, so it was not built by dhcpd-build`);
  }
  return { facts, record };
}

/** In what an image's configuration differs from the record's plan, one sentence each. */
export function misconfigurations({ facts, record }: Subject): readonly string[] {
  const { plan, version } = record;
  const found = executionFields(facts.config);
  const expected = executionFields(executionConfig({ ...plan, image: "" }, version));
  const compare = (name: string, is: string | undefined, wanted: string) =>
    is === wanted ? [] : [`its ${name} is ${is ?? "not set"}, and the plan says ${wanted}`];
  return [
    ...compare("architecture", facts.architecture, arches[plan.arch].oci),
    ...[...expected].flatMap(([name, wanted]) => compare(name, found.get(name), wanted)),
  ];
}

/** What every proof works with. */
export interface ProofTools {
  readonly podman: Podman;
  readonly workdir: Workdir;
  readonly run: Run;
}
