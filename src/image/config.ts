import type { ImagePlan, OsImagePlan, ScratchImagePlan } from "../plan/plan.ts";

/** What an image's configuration is made of. */
export type ConfiguredPlan = Configured<ScratchImagePlan> | Configured<OsImagePlan>;

type Configured<Plan extends ImagePlan> = Pick<
  Plan,
  Extract<keyof Plan, "kind" | "arch" | "image" | "title" | "license" | "source" | "service" | "base">
>;

/** How an image is run: the field `config` of an OCI image configuration as we write it (image specification, config.md). */
export interface ExecutionConfig {
  readonly User: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** A layer in an OCI image manifest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An entry of an image configuration's history, as far as we read and write it. */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string;
  readonly created_by?: string;
}

export interface ImageDescription {
  readonly id: string;
  /** Of the manifest. */
  readonly digest: string;
  /** The OCI image configuration (image specification, config.md); of an image of others `config` may have more fields. */
  readonly config: {
    readonly architecture: string;
    /** RFC 3339. */
    readonly created?: string;
    readonly config?: Partial<ExecutionConfig>;
    readonly rootfs?: { readonly type?: string; readonly diff_ids: readonly string[] };
    readonly history?: readonly HistoryEntry[];
  };
  /** Of the manifest. */
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** How a container of either kind of image is run. `basePath` is the base's PATH, the one variable that an image inherits. */
export function executionConfig(plan: ConfiguredPlan, version: string, basePath?: string): ExecutionConfig {
  const { service } = plan;
  const [program = "", ...args] = service.command;
  const environment = { ...(basePath === undefined ? {} : { PATH: basePath }), ...service.environment };
  return {
    User: `${service.user.uid}:${service.user.gid}`,
    ...unlessEmpty("ExposedPorts", asKeys(service.ports)),
    ...unlessEmpty(
      "Env",
      Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ),
    Entrypoint: [program],
    ...unlessEmpty("Cmd", args),
    ...unlessEmpty("Volumes", asKeys(service.state)),
    WorkingDir: "/",
    Labels: standardLabels(plan, version),
  };
}

/** The annotations of an image's manifest. `base` describes what an OS-based image was made from. */
export function imageAnnotations(
  plan: ConfiguredPlan,
  version: string,
  base?: Pick<ImageDescription, "digest">,
): Readonly<Record<string, string>> {
  return {
    ...(plan.kind === "os" ? { "org.opencontainers.image.base.name": plan.base } : {}),
    ...(base === undefined ? {} : { "org.opencontainers.image.base.digest": base.digest }),
    ...standardLabels(plan, version),
  };
}

/** The value of a variable in an image's environment. */
export function variableOf({ config }: Pick<ImageDescription, "config">, name: string): string | undefined {
  return config.config?.Env?.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Those of the OCI image specification, annotations.md. */
function standardLabels({ title, license, source }: ConfiguredPlan, version: string): Readonly<Record<string, string>> {
  return {
    "org.opencontainers.image.licenses": license,
    ...(source === undefined ? {} : { "org.opencontainers.image.source": source }),
    "org.opencontainers.image.title": title,
    "org.opencontainers.image.version": version,
  };
}

/** A set, as the OCI image configuration has it. */
function asKeys(items: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries([...items].sort().map((item) => [item, {}]));
}

function unlessEmpty<Name extends string, Value extends object>(name: Name, value: Value) {
  return (Object.keys(value).length === 0 ? {} : { [name]: value }) as { readonly [Key in Name]?: Value };
}

/** The image's names in the store: by version and as latest, each with the architecture (as `4.4.3-P1-x86_64`). */
export function references(plan: Pick<ConfiguredPlan, "image" | "arch">, version: string): readonly string[] {
  return [`${plan.image}:${tagText(version)}-${plan.arch}`, latestReference(plan)];
}

/** The image's name as latest. */
export function latestReference({ image, arch }: Pick<ConfiguredPlan, "image" | "arch">): string {
  return `${image}:latest-${arch}`;
}

/** A version in the letters that a tag may have (OCI distribution specification: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`). */
export function tagText(version: string): string {
  return version.replaceAll(/[^a-zA-Z0-9._-]/g, "_").slice(0, 100);
}

/** When an image was created, seconds since the epoch; 0 where it does not say. */
export function createdTime({ config }: ImageDescription): number {
  return Math.max(0, Math.floor(Date.parse(config.created ?? "") / 1000) || 0);
}
