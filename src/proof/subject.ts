import { imageConfig } from "../image/config.ts";
import type { ImageFacts, Podman } from "../image/podman.ts";
import { type BuildRecord, readRecord } from "../report/record.ts";
import { arches } from "../system/arch.ts";
import { Failure } from "../system/errors.ts";

/** An image of the store with the record that it carries. */
export interface Subject {
  readonly facts: ImageFacts & { readonly reference: string };
  readonly record: BuildRecord;
}

/** Throws Failure for an image that is not there or has no record. */
export async function openSubject(image: string, podman: Podman): Promise<Subject> {
  const facts = await podman.inspectImage(image);
  const record = readRecord(facts.labels);
  if (record === undefined) {
    throw new Failure(`cannot check image ${image}: it has no record, so it was not built by dhcpd-build`);
  }
  if (record.plan.checks === undefined) {
    throw new Failure(`cannot check image ${image}: its record has no checks`, { hint: "build it again" });
  }
  return { facts, record };
}

/** In what an image's configuration differs from the record's plan, one sentence each. */
export function misconfigurations({ facts, record }: Subject): readonly string[] {
  const { plan, version } = record;
  const wanted = imageConfig({ ...plan, image: "" }, version, {});
  const compare = (what: string, found: string, expected: string) =>
    found === expected ? [] : [`its ${what} is ${found || "not set"}, and the plan says ${expected}`];
  return [
    ...compare("architecture", facts.architecture, arches[plan.arch].oci),
    ...compare("user", facts.user, wanted.user),
    ...compare("program", facts.entrypoint.join(" "), wanted.program),
    ...compare("arguments", facts.arguments.join(" "), wanted.arguments.join(" ")),
    ...Object.entries(wanted.labels).flatMap(([name, value]) =>
      compare(`label ${name}`, facts.labels[name] ?? "", value),
    ),
  ];
}
