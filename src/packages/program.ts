import path from "node:path";
import { Failure } from "../system/errors.ts";
import { danglingLink, locate } from "../system/root.ts";
import type { PackageSource } from "./source.ts";

/** Where packages put what is meant to be run (Filesystem Hierarchy Standard 3.0, sections 4.4, 4.7 and 4.10). */
const programDirectories = ["/usr/sbin", "/usr/bin", "/usr/libexec"];

/**
 * The paths of the plan's programs: a name is looked up in the named packages' program directories, a path is taken as it is. A
 * directory's link on the way to a name is not followed again (`/usr/sbin` may be one); a program that is a link stays one, for it
 * may go by its name.
 */
export async function findPrograms(binaries: readonly string[], source: PackageSource): Promise<readonly string[]> {
  const found: string[] = [];
  for (const binary of binaries) found.push(await findProgram(binary, source));
  return found;
}

async function findProgram(binary: string, source: PackageSource): Promise<string> {
  const places = binary.startsWith("/") ? [binary] : programDirectories.map((directory) => `${directory}/${binary}`);
  for (const place of places) {
    await provideTarget(place, source);
    const located = locate(source.root, place);
    if (located?.entry.kind !== "file") continue;
    return !binary.startsWith("/") && path.posix.basename(located.path) === binary ? located.path : place;
  }
  const dangling = places.map((place) => danglingLink(source.root, place)).find((each) => each !== undefined);
  if (dangling !== undefined) {
    throw new Failure(
      `cannot find the program ${binary}: ${dangling.link} leads to ${dangling.target}, which no package has`,
      {
        hint: "name the program itself; links such as those of /etc/alternatives are made when a package is installed",
      },
    );
  }
  const packages = source.named.map(({ name }) => name).join(", ");
  const programs = programsOf(source);
  throw new Failure(`cannot find the program ${binary} in ${packages}`, {
    hint:
      programs.length === 0
        ? `${packages} has no programs; name the package that has`
        : `there are ${programs.join(", ")}`,
  });
}

/** Takes in the package that has what a link at this place leads to: redis-server is a link into redis-tools. */
async function provideTarget(place: string, source: PackageSource): Promise<void> {
  for (;;) {
    const dangling = danglingLink(source.root, place);
    if (dangling === undefined || dangling.target.startsWith("/etc/alternatives/")) return;
    if (!(await source.provide([{ wanted: dangling.target, requiredBy: [dangling.link] }]))) return;
  }
}

/** Up to ten programs that the packages in hand do have, for a hint. */
function programsOf(source: PackageSource): readonly string[] {
  const named = new Set(source.named.map(({ name }) => name));
  const files = programDirectories.flatMap((directory) =>
    source.root.names(directory).map((name) => path.posix.join(directory, name)),
  );
  return files
    .filter(
      (file) =>
        named.has(source.root.describe(file).package?.name ?? "") && source.root.entry(file)?.kind !== "directory",
    )
    .slice(0, 10);
}
