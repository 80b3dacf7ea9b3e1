import { Option } from "commander";
import type { Connection } from "../image/distribution.ts";
import { durationPattern, milliseconds, registryTimeout } from "../system/duration.ts";
import { usageFailure } from "../system/errors.ts";

/** The flags as commander hands them over. */
export interface ConnectionFlags {
  readonly tlsVerify?: "true" | "false";
  readonly timeout: string;
}

/** buildah's own option for registries without TLS. */
export function tlsVerifyOption(): Option {
  return new Option(
    "--tls-verify <boolean>",
    "whether a registry must have TLS with a valid certificate (default: as registries.conf has it)",
  ).choices(["true", "false"]);
}

export function timeoutOption(): Option {
  return new Option("--timeout <time>", "give up when a registry makes no progress for so long").default(
    `${registryTimeout / 1000}s`,
  );
}

/** A time without unit is in seconds, as podman's own options have it. Throws a usage Failure. */
export function connectionOf({ tlsVerify, timeout }: ConnectionFlags): Connection {
  const time = /^\d+$/.test(timeout) ? `${timeout}s` : timeout;
  if (!durationPattern.test(time))
    throw usageFailure(`cannot use --timeout '${timeout}': that is no time`, "a time looks like 90s or 5m");
  return { ...(tlsVerify === undefined ? {} : { tlsVerify: tlsVerify === "true" }), timeout: milliseconds(time) };
}
