import { readFileSync } from "node:fs";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { projectDirectory } from "./cli.ts";

export const pipelines = { github: "github.yml", gitlab: "gitlab.yml", tekton: "tekton.yaml" } as const;
export type Engine = keyof typeof pipelines;

export function pipelineText(engine: Engine): string {
  return readFileSync(path.join(projectDirectory, ".ci/pipelines", pipelines[engine]), "utf8");
}

/** Each document of a pipeline as data; mistakes and doubts of the YAML parser are thrown. */
export function pipelineDocuments(engine: Engine): readonly unknown[] {
  return parseAllDocuments(pipelineText(engine), { strict: true, uniqueKeys: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return document.toJS();
  });
}

/** A shell script of a pipeline and where it stands: `jobs.build.steps.2`. */
export interface Script {
  readonly place: string;
  readonly text: string;
}

const scriptKeys = ["run", "script", "before_script"];

/** Every script of a pipeline, in the order in which it is written. */
export function scriptsOf(engine: Engine): readonly Script[] {
  return pipelineDocuments(engine).flatMap((document) => scriptsIn(document, []));
}

function scriptsIn(value: unknown, place: readonly string[]): readonly Script[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inside]): readonly Script[] => {
    const isText =
      typeof inside === "string" || (Array.isArray(inside) && inside.every((one) => typeof one === "string"));
    if (scriptKeys.includes(key) && isText) return [{ place: place.join("."), text: [inside].flat().join("\n") }];
    return scriptsIn(inside, [...place, key]);
  });
}

/** The words of each call of dhcpd-build in a script, without its name; variables take the given values. */
export function callsIn(script: string, values: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  return script
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("dhcpd-build "))
    .map((line) => {
      const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
      const end = words.findIndex((word) => /^([<>|;]|&&)/.test(word));
      return words.slice(1, end === -1 ? undefined : end).map((word) => substituted(word, values));
    });
}

function substituted(word: string, values: Readonly<Record<string, string>>): string {
  return word.replaceAll(/["']/g, "").replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the pipelines' test knows no value of ${name}`);
    return value;
  });
}
