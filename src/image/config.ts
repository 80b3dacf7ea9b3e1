import type { ImagePlan } from "../plan.ts";
import type { Arch } from "../system/arch.ts";

/** What a container made from the image is, in the words of the OCI image configuration. */
export interface ImageConfig {
  readonly arch: Arch;
  /** The program: the image's entry point. */
  readonly program: string;
  /** Its arguments, which `podman run IMAGE ARGUMENT...` replaces. */
  readonly arguments: readonly string[];
  readonly user: string;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Whether it is made from another image. */
  readonly isBased: boolean;
}

export interface ImageDescription {
  readonly id: string;
  /** Of the manifest. */
  readonly digest: string;
  /** The OCI image configuration (image specification, config.md). */
  readonly config: {
    readonly architecture: string;
    /** RFC 3339. */
    readonly created?: string;
    readonly config?: {
      readonly User?: string;
      readonly Entrypoint?: readonly string[];
      readonly Cmd?: readonly string[];
      readonly Env?: readonly string[];
      readonly Labels?: Readonly<Record<string, string>>;
    };
  };
}

/** What a container of either kind of image is; `labels` are added to the standard ones of the OCI image specification. */
export function imageConfig(plan: ImagePlan, version: string, labels: Readonly<Record<string, string>>): ImageConfig {
  const { service } = plan;
  const [program = "", ...args] = service.command;
  const standard = {
    "org.opencontainers.image.title": plan.title,
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.licenses": plan.license,
    ...(plan.source === undefined ? {} : { "org.opencontainers.image.source": plan.source }),
  };
  return {
    arch: plan.arch,
    program,
    arguments: args,
    user: `${service.user.uid}:${service.user.gid}`,
    ports: service.ports,
    volumes: service.state,
    environment: service.environment,
    labels: { ...standard, ...labels },
    // buildah's own would name the base as it was found: by its digest where a lock has it.
    annotations: { ...standard, ...(plan.kind === "os" ? { "org.opencontainers.image.base.name": plan.base } : {}) },
    isBased: plan.kind === "os",
  };
}

/** The image's names in the store: by version and as latest, each with the architecture (as `4.4.3-P1-x86_64`). */
export function references(plan: ImagePlan, version: string): readonly string[] {
  return [version, "latest"].map((tag) => `${plan.image}:${tagText(tag)}-${plan.arch}`);
}

/** A version in the letters that a tag may have (OCI distribution specification: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`). */
export function tagText(version: string): string {
  return version.replaceAll(/[^a-zA-Z0-9._-]/g, "_").slice(0, 100);
}

/** When an image was created, seconds since the epoch; 0 where it does not say. */
export function createdTime({ config }: ImageDescription): number {
  return Math.max(0, Math.floor(Date.parse(config.created ?? "") / 1000) || 0);
}
