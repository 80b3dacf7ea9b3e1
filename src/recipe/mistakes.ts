import { isScalar, type Node } from "yaml";
import type * as z from "zod";
import { nearest } from "./nearest.ts";
import { keyText, type Places, pathText } from "./place.ts";

/** One thing that is wrong with a recipe. */
export interface Mistake {
  /** From the text's beginning, in UTF-16 units. */
  readonly offset: number;
  /** `path.in.recipe: sentence`. */
  readonly text: string;
}

type Issue = z.core.$ZodIssue;

/** What the schema found, each at its place and as a sentence. `keysAt` are the keys that the schema has at a path. */
export function mistakesOf(
  issues: readonly Issue[],
  places: Places,
  keysAt: (path: readonly PropertyKey[]) => readonly string[],
): readonly Mistake[] {
  return issues.flatMap((issue): readonly Mistake[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const known = keysAt(issue.path);
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
    return [mistake(offset, issue.path, sentenceOf(issue, node))];
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

/**
 * What to say of a number that YAML reads but does not write back (`1.10` is 1.1, `0755` is 755): whoever wrote it meant the
 * letters. undefined for any other value.
 */
export function lostNumber(node: unknown): string | undefined {
  if (!isScalar(node) || node.type !== "PLAIN" || node.source === undefined) return undefined;
  const { value, source } = node;
  if (typeof value !== "number" || String(value) === source) return undefined;
  return `${source} without quotes is the number ${value} to YAML; write "${source.replace(/^0o/, "0")}"`;
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

function sentenceOf(issue: Issue, node: Node | undefined): string {
  const lost = lostNumber(node);
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
  if (issue.expected === "string") return `${must}; write "${written}" in quotes`;
  if (issue.expected === "boolean") return `${must}${booleanMeant(written)}`;
  return ["array", "tuple"].includes(issue.expected)
    ? `${must}; write [${written.length > 40 ? "..." : written}]`
    : must;
}

/** The words that YAML 1.1 took for truth values, and YAML 1.2 takes for text. */
function booleanMeant(written: string): string {
  if (/^(?:y|yes|on|1)$/i.test(written)) return "; write true";
  if (/^(?:n|no|off|0)$/i.test(written)) return "; write false";
  return /^(?:true|false)$/i.test(written) ? "; write it without quotes" : "";
}
