import type { ImagePlan } from "../plan.ts";
import type { ImageConfig } from "./buildah.ts";

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
    annotations: standard,
  };
}

/** The image's names in the store: by version and as latest, each with the architecture (as `4.4.3-P1-x86_64`). */
export function references(plan: ImagePlan, version: string): readonly string[] {
  return [version, "latest"].map((tag) => `${plan.image}:${tagText(tag)}-${plan.arch}`);
}

/** A version in the letters that a tag may have (OCI distribution specification: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`). */
function tagText(version: string): string {
  return version.replaceAll(/[^a-zA-Z0-9._-]/g, "_").slice(0, 100);
}
