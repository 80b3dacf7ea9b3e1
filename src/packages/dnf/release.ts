import type { Distribution } from "../source.ts";
import { fedoraReleaseOf, type RepositoryPackage } from "./rpm.ts";

/** The packages that have os-release(5) in Fedora and its relatives, by how their names begin, with the ID that they have in it. */
const releasePackages: Readonly<Record<string, string>> = {
  "fedora-release": "fedora",
  "centos-release": "centos",
  "centos-linux-release": "centos",
  "centos-stream-release": "centos",
  "rocky-release": "rocky",
  "almalinux-release": "almalinux",
  "redhat-release": "rhel",
  "oraclelinux-release": "ol",
};

type Described = Pick<RepositoryPackage, "name" | "version" | "release" | "provides">;

/**
 * The release that packages belong to: that of the system whose dnf was asked, else of the release package that they depend on, else the
 * Fedora release in their own releases (`%{?dist}`). What these contradict does not count: `.el8` is not Fedora's, `.fc44` is nobody else's.
 * undefined where nothing says it.
 */
export function distributionOf(
  system: Distribution | undefined,
  named: readonly Described[],
  known: readonly Described[],
): Distribution | undefined {
  const number = named.map(fedoraReleaseOf).find((release) => release !== undefined);
  const isEnterprise = number === undefined && named.some(({ release }) => /\.el\d+/.test(release));
  const isPossible = ({ id }: Distribution) => (id === "fedora" ? !isEnterprise : number === undefined);
  if (system !== undefined && isPossible(system)) return system;
  const ofRepository = known.flatMap(releaseIn).find(isPossible);
  if (ofRepository !== undefined) return ofRepository;
  return number === undefined ? undefined : { id: "fedora", version: number };
}

/** The release that a release package is of; none for any other package. */
function releaseIn({ name, version, provides }: Described): readonly Distribution[] {
  if (![...provides].some((each) => /^system-release\b/.test(each))) return [];
  const [, id] =
    Object.entries(releasePackages).find(([start]) => name === start || name.startsWith(`${start}-`)) ?? [];
  if (id === undefined) return [];
  // CentOS and Fedora have no minor releases in VERSION_ID.
  return [{ id, version: id === "centos" || id === "fedora" ? version.replace(/\..*$/, "") : version }];
}
