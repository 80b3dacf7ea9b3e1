import { Option } from "commander";

/** The flag as commander hands it over. */
export interface ConnectionFlags {
  readonly tlsVerify: "true" | "false";
}

/** buildah's own option for registries without TLS. */
export function tlsVerifyOption(): Option {
  return new Option("--tls-verify <boolean>", "whether a registry must have TLS with a valid certificate")
    .choices(["true", "false"])
    .default("true");
}
