import type { Podman } from "../image/podman.ts";
import type { Run } from "../system/run.ts";
import type { Workdir } from "../system/workdir.ts";

/** What every proof works with. */
export interface ProofTools {
  readonly podman: Podman;
  readonly workdir: Workdir;
  readonly run: Run;
}
