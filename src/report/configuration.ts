import type { ExecutionConfig } from "../image/config.ts";
import type { RecordedImage } from "./sbom.ts";

/** Fields of an image's configuration as text, by a short name; what is empty is left out. */
export type Fields = ReadonlyMap<string, string>;

/**
 * How a container of an image is run, by its configuration (image specification, config.md): the fields that we write under the names
 * that a recipe has for them, variables and labels one by one, and all others under their own names.
 */
export function executionFields(config: Partial<ExecutionConfig>): Fields {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, ...others } = config;
  const variables = (Env ?? []).map(
    (variable) => [`env ${variable.split("=", 1)[0]}`, afterFirst("=", variable)] as const,
  );
  const command = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  return presentOf([
    ["command", command.length === 0 ? "" : JSON.stringify(command)],
    ["ports", keysOf(ExposedPorts)],
    ["state", keysOf(Volumes)],
    ["user", User ?? ""],
    ["working directory", WorkingDir ?? ""],
    ...variables,
    ...Object.entries(Labels ?? {}).map(([name, value]) => [`label ${name}`, value] as const),
    ...Object.entries(others).map(([name, value]) => [name, asText(value)] as const),
  ]);
}

/** Everything that an image is and how it is run: its real configuration and annotations, and what its record adds. */
export function imageFields({ record, config, annotations }: RecordedImage): Fields {
  const { plan, version, distribution, created } = record;
  const { service } = plan;
  const standard: Readonly<Record<string, string | undefined>> = {
    "org.opencontainers.image.licenses": plan.license,
    "org.opencontainers.image.source": plan.source,
    "org.opencontainers.image.title": plan.title,
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.base.name": plan.kind === "os" ? plan.base : undefined,
  };
  // What stands in the record as well, and the records of version 2, which were labels.
  const isRecorded = (name: string, value: string) => standard[name] === value || name.startsWith("dhcpd-build.record");
  const execution = [...executionFields(config.config ?? {})].filter(
    ([name, value]) => !name.startsWith("label ") || !isRecorded(name.slice("label ".length), value),
  );
  return presentOf([
    ["arch", plan.arch],
    ["capabilities", [...service.capabilities].sort().join(" ")],
    ["config", service.config.join(" ")],
    ["created", new Date(created * 1000).toISOString().replace(/\.\d+Z$/, "Z")],
    ["distribution", distribution === undefined ? "" : `${distribution.id} ${distribution.version}`],
    ["health", service.health === undefined ? "" : JSON.stringify(service.health)],
    ["init", service.init ? "needed" : "not needed"],
    ["kind", plan.kind === "os" ? `on ${plan.base}` : `scratch, from ${plan.family} packages`],
    ["license", plan.license],
    ["metadata", plan.kind === "scratch" ? (plan.metadata ?? "") : ""],
    ["recipe", plan.recipe],
    ["runtime", service.runtime.join(" ")],
    ["source", plan.source ?? ""],
    ["title", plan.title],
    ["version", version],
    ...execution,
    ...Object.entries(annotations)
      .filter(([name, value]) => !isRecorded(name, value))
      .map(([name, value]) => [`annotation ${name}`, value] as const),
  ]);
}

function presentOf(fields: readonly (readonly [name: string, text: string])[]): Fields {
  return new Map(fields.filter(([, text]) => text !== ""));
}

function keysOf(set: Readonly<Record<string, object>> | null | undefined): string {
  return Object.keys(set ?? {})
    .sort()
    .join(" ");
}

function afterFirst(separator: string, text: string): string {
  return text.slice(text.indexOf(separator) + 1);
}

/** A field that is there and empty, as podman prints some, is none. */
function asText(value: unknown): string {
  if (typeof value === "string") return value;
  const isEmpty = value === null || value === false || (typeof value === "object" && Object.keys(value).length === 0);
  return isEmpty || value === undefined ? "" : JSON.stringify(value);
}
