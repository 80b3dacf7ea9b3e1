import { readdirSync } from "node:fs";
import path from "node:path";

/** What a read-only container can still write to besides its volumes: podman-run(1), --read-only-tmpfs. */
const writable = ["/run", "/tmp", "/var/tmp", "/dev/shm"];
/** What podman itself puts there. */
const ofTheRuntime = ["/run/.containerenv", "/run/podman-init", "/run/secrets", "/run/lock"];

/** The files that a running program has written beside its own directories, by its process number on the host. */
export function writtenOutside(pid: number, own: readonly string[]): readonly string[] {
  const isOwn = (place: string) => own.some((directory) => place === directory || place.startsWith(`${directory}/`));
  const walk = (directory: string): readonly string[] =>
    entriesOf(`/proc/${pid}/root${directory}`).flatMap((entry) => {
      const place = path.posix.join(directory, entry.name);
      if (isOwn(place) || ofTheRuntime.includes(place)) return [];
      return entry.isDirectory() ? walk(place) : [place];
    });
  return writable.flatMap(walk);
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // Not there, or the program has ended meanwhile: then there is nothing to see.
    return [];
  }
}
