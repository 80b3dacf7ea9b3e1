import { isScalar, type Node } from "yaml";
import * as z from "zod";
import { nearest } from "../system/nearest.ts";
import { keyText, type Places, pathText } from "./place.ts";

/** One thing that is wrong with a recipe. */
export interface Mistake {
  /** From the text's beginning, in UTF-16 units. */
  readonly offset: number;
  /** `path.in.recipe: sentence`. */
  readonly text: string;
}

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** What the schema found, each at its place and as a sentence. `schemaAt` is the part of the schema at a path. */
export function mistakesOf(
  issues: readonly Issue[],
  places: Places,
  schemaAt: (path: readonly PropertyKey[]) => Schema | undefined,
): readonly Mistake[] {
  return issues.flatMap((issue): readonly Mistake[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const known = keysOf(schemaAt(issue.path));
        const meant = presentNames[key] ?? nearest(key, known);
        const instead = meant === undefined ? `known here are ${known.join(", ")}` : `did you mean ${meant}?`;
        const { offset } = places.keyAt(issue.path, key);
        return mistake(offset, [...issue.path, key], `unknown key; ${instead}`);
      });
    }
    if (issue.code === "invalid_key") {
      const { offset } = places.keyAt(issue.path.slice(0, -1), String(issue.path.at(-1)));
      return issue.issues.map(({ message }) => mistake(offset, issue.path, message));
    }
    const { offset, node } = places.valueAt(issue.path);
    return [mistake(offset, issue.path, sentenceOf(issue, node, schemaAt(issue.path)))];
  });
}

/** Keys of recipes of the first version. */
const presentNames: Readonly<Record<string, string>> = { considered: "ignoreHints", accept: "unproven" };

/** A mistake is one line of some length, whatever the recipe's values that it repeats are. */
export function mistake(offset: number, path: readonly PropertyKey[], sentence: string): Mistake {
  const place = pathText(path);
  const text = (place === "" ? sentence : `${place}: ${sentence}`).replaceAll(
    /\p{Cc}/gu,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return { offset, text: text.length > longestMistake ? `${text.slice(0, longestMistake)}...` : text };
}

const longestMistake = 400;

function keysOf(schema: Schema | undefined): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/**
 * The sentence for a number that YAML reads but does not write back (`1.10` is 1.1, `0755` is 755), because whoever wrote it meant the
 * letters. `schema` is what stands there. undefined for any other value.
 */
export function lostNumber(node: unknown, schema: Schema | undefined): string | undefined {
  if (!isScalar(node) || node.type !== "PLAIN" || node.source === undefined) return undefined;
  const { value, source } = node;
  if (typeof value !== "number" || String(value) === source) return undefined;
  const text = source.replace(/^0o/, "0");
  const isNumber = schema !== undefined && !takes(schema, text) && takes(schema, value);
  const refused = isNumber ? undefined : refusal(schema, text);
  return refused ?? `${source} without quotes is the number ${value} to YAML; write ${isNumber ? value : `"${text}"`}`;
}

function takes(schema: Schema, value: unknown): boolean {
  return z.safeParse(schema, value).success;
}

/** What the schema has against a text, so that nobody is advised to write what would be the next mistake. */
function refusal(schema: Schema | undefined, text: string): string | undefined {
  const [issue] = schema === undefined ? [] : (z.safeParse(schema, text).error?.issues ?? []);
  return issue?.code === "invalid_type" ? `must be ${kinds[issue.expected] ?? issue.expected}` : issue?.message;
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "true or false",
  object: "a map of keys and values",
  record: "a map of keys and values",
  array: "a list",
  tuple: "a list",
  number: "a number",
};

function sentenceOf(issue: Issue, node: Node | undefined, schema: Schema | undefined): string {
  const lost = lostNumber(node, schema);
  if (lost !== undefined) return lost;
  if (issue.code !== "invalid_type" && issue.code !== "invalid_value") return issue.message;
  if (node === undefined) return "is missing";
  if (isScalar(node) && node.value === null)
    return node.source === "" ? "is empty" : `must not be ${node.source ?? "null"}`;
  if (issue.code === "invalid_value") {
    return issue.message.startsWith("Invalid") ? `must be ${issue.values.map(String).join(" or ")}` : issue.message;
  }
  const must = `must be ${kinds[issue.expected] ?? issue.expected}`;
  if (!isScalar(node)) return must;
  const written = node.source ?? keyText(node);
  if (issue.expected === "string") return refusal(schema, written) ?? `${must}; write "${written}" in quotes`;
  if (issue.expected === "boolean") return `${must}${booleanMeant(written)}`;
  if (!["array", "tuple"].includes(issue.expected)) return must;
  const refused = schema instanceof z.ZodArray ? refusal(schema.element, written) : undefined;
  return refused === undefined
    ? `${must}; write [${written.length > 40 ? "..." : written}]`
    : `${must}, and an entry ${refused}`;
}

/** The words that YAML 1.1 took for truth values, and YAML 1.2 takes for text. */
function booleanMeant(written: string): string {
  if (/^(?:y|yes|on|1)$/i.test(written)) return "; write true";
  if (/^(?:n|no|off|0)$/i.test(written)) return "; write false";
  return /^(?:true|false)$/i.test(written) ? "; write it without quotes" : "";
}
