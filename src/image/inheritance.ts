import type { OsImagePlan } from "../plan/plan.ts";
import { executionConfig, type ImageDescription, imageAnnotations } from "./config.ts";

type Names = Readonly<Record<string, unknown>>;

/** The fields of an image configuration that have several values, with a word for them. */
const several = { Labels: "label", ExposedPorts: "port", Volumes: "volume" } as const;

/**
 * What a base image has and an image of the plan does not inherit, in one sentence; undefined for nothing. Values are not named: a variable
 * may be a secret. What the image has of its own in a field's place is no loss.
 */
export function notInherited(plan: OsImagePlan, base: ImageDescription): string | undefined {
  const ours: Names = { ...executionConfig(plan, "0", "") };
  const { Env = [], ...theirs }: Names & { readonly Env?: readonly string[] } = base.config.config ?? {};
  const variables = (list: unknown) => (list as readonly string[]).map((each) => each.split("=", 1)[0] ?? "");
  const lost = [
    ...listed("variable", absent(variables(Env ?? []), variables(ours.Env ?? []))),
    ...Object.entries(several).flatMap(([field, word]) => listed(word, absentKeys(theirs[field], ours[field]))),
    ...listed("annotation", absentKeys(base.annotations, imageAnnotations(plan, "0", base))),
    ...Object.entries(theirs).flatMap(([field, value]) =>
      field in several || isEmpty(value) || field in ours ? [] : [field],
    ),
  ];
  if (lost.length === 0) return undefined;
  return `the image does not inherit from ${plan.base}: ${lost.join("; ")}`;
}

function listed(word: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  return [`${word}${names.length === 1 ? "" : "s"} ${names.join(", ")}`];
}

function absentKeys(theirs: unknown, ours: unknown): readonly string[] {
  return absent(Object.keys(theirs ?? {}), Object.keys(ours ?? {}));
}

function absent(theirs: readonly string[], ours: readonly string[]): readonly string[] {
  return theirs.filter((name) => !ours.includes(name)).sort();
}

/** A field that is there and says nothing, as some tools write them all. */
function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === null || value === undefined || value === "" || value === false || value === 0;
}
