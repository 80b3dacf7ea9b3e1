import type { Lock } from "../lock/lock.ts";
import type { Arch } from "../system/arch.ts";
import type { Family } from "../system/family.ts";

/** What is asked for beside the recipe, as typed and as found on this host. */
export interface PlanRequest {
  readonly kind: "scratch" | "fedora";
  /** Architectures in any spelling, or `all`; none is this machine's. */
  readonly arches: readonly string[];
  /** An image name without tag. */
  readonly name?: string;
  readonly from?: string;
  readonly builder?: string;
  readonly base?: string;
  readonly lock?: Lock;
  readonly hostArch: Arch | undefined;
  readonly hostFamily: Family | undefined;
  /** The value of SOURCE_DATE_EPOCH. */
  readonly sourceDateEpoch?: string;
}
