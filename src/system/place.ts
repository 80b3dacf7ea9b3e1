import type { Run } from "./run.ts";

/** Where package managers run: this host, or a container that sees this tool's directories under the same paths. */
export interface Place {
  readonly run: Run;
  /** Of the container's image; undefined for this host, whose own configuration counts. */
  readonly identity?: string;
}
