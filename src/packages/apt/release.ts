import type { Distribution } from "../source.ts";

/**
 * The release that apt would take a package from. `ofPackage` is what `apt-cache policy NAME` prints, `ofAll` what `apt-cache policy`
 * prints: the one names the list of the candidate, the other the release of each list. undefined where the list does not say.
 */
export function parseRelease(ofPackage: string, ofAll: string): Distribution | undefined {
  const candidate = /^ {2}Candidate: (\S+)$/m.exec(ofPackage)?.[1];
  const table = ofPackage.split("\n");
  const start = table.findIndex(
    (line) => candidate !== undefined && /^ (?:\*\*\*| {3}) /.test(line) && line.split(/\s+/)[1] === candidate,
  );
  const list = withoutPriority(table[start + 1]);
  const lines = ofAll.split("\n");
  const listed = list === undefined ? -1 : lines.findIndex((line) => withoutPriority(line) === list);
  const release = /^\s+release (.*)$/.exec(lines[listed + 1] ?? "")?.[1];
  return start === -1 || listed === -1 || release === undefined ? undefined : distributionOf(release);
}

/** ` 500 <place> bookworm/main amd64 Packages`, where the number may differ from package to package. */
function withoutPriority(line: string | undefined): string | undefined {
  return /^ +-?\d+ (.*)$/.exec(line ?? "")?.[1];
}

/** `v=12.15,o=Debian,a=oldstable,n=bookworm,...` in the words of os-release(5), whose VERSION_ID for Debian has no point release. */
function distributionOf(release: string): Distribution | undefined {
  const field = (letter: string) => new RegExp(`(?:^|,)${letter}=([^,]*)`).exec(release)?.[1];
  const id = field("o")?.toLowerCase();
  const version = field("v");
  const codename = field("n");
  if (id === undefined || id === "") return undefined;
  const number = id === "debian" ? /^\d+/.exec(version ?? "")?.[0] : version;
  const known = number || codename;
  return known === undefined ? undefined : { id, version: known };
}
