import { usageFailure } from "../system/errors.ts";

/** A podman version as one number that can be compared: 5.4 is 5004. */
export type PodmanVersion = number & { readonly kind?: "podman" };

export function podmanVersion(major: number, minor: number): PodmanVersion {
  return major * 1000 + minor;
}

/** The first version that has Quadlet at all. */
const firstQuadlet = podmanVersion(4, 4);

/** `5.4` or `5.4.2`. Throws a usage Failure for anything else, and for a podman before Quadlet. */
export function parsePodmanVersion(text: string): PodmanVersion {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})(?:[.~+-].*)?$/.exec(text) ?? [];
  if (major === undefined || minor === undefined)
    throw usageFailure(`cannot write units for podman '${text}': that is no version`, "a version looks like 5.4");
  const version = podmanVersion(Number(major), Number(minor));
  if (version < firstQuadlet) throw usageFailure(`cannot write units for podman ${text}: Quadlet came with podman 4.4`);
  return version;
}

/**
 * The podman that first knew a key of a .container unit, from podman-systemd.unit(5) of each release. One unknown key makes the
 * generator discard the whole unit.
 */
const introduced = {
  AddCapability: podmanVersion(4, 4),
  AutoUpdate: podmanVersion(4, 6),
  ContainerName: podmanVersion(4, 4),
  DropCapability: podmanVersion(4, 4),
  Exec: podmanVersion(4, 4),
  Group: podmanVersion(4, 4),
  HealthCmd: podmanVersion(4, 5),
  Image: podmanVersion(4, 4),
  Label: podmanVersion(4, 4),
  Network: podmanVersion(4, 4),
  NoNewPrivileges: podmanVersion(4, 4),
  Notify: podmanVersion(4, 4),
  ReadOnly: podmanVersion(4, 4),
  RunInit: podmanVersion(4, 4),
  User: podmanVersion(4, 4),
  Volume: podmanVersion(4, 4),
} as const;

export type ContainerKey = keyof typeof introduced;

/** Units with `@` in their name, one instance per `%i`. */
export const firstTemplate = podmanVersion(5, 0);

export function knowsKey(version: PodmanVersion, key: ContainerKey): boolean {
  return version >= introduced[key];
}
