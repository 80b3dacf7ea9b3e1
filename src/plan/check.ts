import type { Recipe } from "../recipe/schema.ts";
import { milliseconds } from "../system/time.ts";

/** Something that must be true of the service. */
export type Check = RunCheck | LeaseCheck | StopCheck;

interface CommonCheck {
  readonly name: string;
  /** Files laid over the image, content by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** A command of the image ends as it should. */
export interface RunCheck extends CommonCheck {
  readonly kind: "run";
  readonly command: readonly string[];
  /** 0 where not given. */
  readonly exit?: number;
  /** A regular expression (flags `mu`) that what it writes must match. */
  readonly output?: string;
}

/** The service gives a client on its network an address, renews it, and remembers it when started again. */
export interface LeaseCheck extends CommonCheck {
  readonly kind: "lease";
  /** 4 is DHCPv4, 6 is DHCPv6. */
  readonly family: 4 | 6;
  /** The server's address on that network with its prefix, `192.0.2.1/24`. */
  readonly server: string;
}

/** The service ends on SIGTERM. */
export interface StopCheck extends CommonCheck {
  readonly kind: "stop";
  /** Milliseconds. */
  readonly within: number;
}

/** An entry of the image that no check covers, and the reason to keep it. */
export interface Unproven {
  readonly path: string;
  readonly reason: string;
}

/** What an image's proof consists of. */
export interface CheckPlan {
  readonly checks: readonly Check[];
  readonly unproven: readonly Unproven[];
}

export function plannedChecks(recipe: Pick<Recipe, "checks" | "unproven">): CheckPlan {
  return { checks: recipe.checks.flatMap(plannedCheck), unproven: recipe.unproven };
}

/** One check of a recipe says one thing; anything else its schema has refused. */
function plannedCheck({ name, files, run, exit, output, lease, stop }: Recipe["checks"][number]): readonly Check[] {
  const end = { ...(exit === undefined ? {} : { exit }), ...(output === undefined ? {} : { output }) };
  return [
    ...(run === undefined ? [] : [{ kind: "run", name, files, command: run, ...end } as const]),
    ...(lease === undefined ? [] : [{ kind: "lease", name, files, ...lease } as const]),
    ...(stop === undefined ? [] : [{ kind: "stop", name, files, within: milliseconds(stop.within) } as const]),
  ];
}
