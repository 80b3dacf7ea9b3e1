import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import { CommandFailure } from "../system/run.ts";

/** How long to wait before each further attempt; milliseconds. */
const pauses = [1000, 2000, 4000];

/** What may be over in a moment, in the words of Go's net, net/http and containers/image. An unknown host is mostly a mistyped one. */
const passing =
  /connection refused|connection reset|broken pipe|\bEOF\b|i\/o timeout|handshake timeout|timeout awaiting|Client\.Timeout|deadline exceeded|no route to host|network is unreachable|server misbehaving|closed network connection|too ?many ?requests|status:? (?:429|50[0234])\b/i;

/** buildah's own words before its last attempt: some subcommands try again by themselves after some kinds of trouble. */
const triedAgain = /Failed, retrying in .*\((\d+)\/\1\)/;

/**
 * Does something with a registry, again after a moment where the network is in trouble; `purpose` is what it does, as `push the
 * image`, and `passing` is what else may be over in a moment. Throws Failure with the cause that buildah gave last.
 */
export async function withRetries<Result>(
  purpose: string,
  attempt: () => Promise<Result>,
  log: Log,
  { waits = pauses, passing: alsoPassing }: { readonly waits?: readonly number[]; readonly passing?: RegExp } = {},
): Promise<Result> {
  for (const wait of [...waits, undefined]) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      const line = lastError(error);
      const again = alsoPassing?.test(line) || (passing.test(line) && !triedAgain.test(error.stderr));
      if (wait === undefined || !again) throw explained(purpose, error);
      log.warn(`cannot ${purpose} yet: ${causeOf(error)}; trying again in ${wait / 1000} s`);
      await pause(wait);
    }
  }
  throw new Error("every attempt either returns or throws");
}

function lastError({ stderr, complaint, stalled }: CommandFailure): string {
  return stalled ? complaint : (stderr.split("\n").findLast((line) => line.startsWith("Error: ")) ?? complaint);
}

/** What buildah says before the cause: what it was doing, and to what, which our own sentence says. */
const doing =
  /^(?:pushing image "[^"]*" to|setting up to read manifest and configuration from|reading (?:configuration blob|info about config blob|manifest) from|parsing manifest list in) "[^"]*"(?:, instance "[^"]*")?: |^trying to reuse blob \S+ at destination: /;

/** The end of buildah's last error. */
function causeOf(error: CommandFailure): string {
  let line = lastError(error)
    .replace(/^Error: /, "")
    .replace(/^.*?(?=pinging container registry|writing manifest|writing blob)/, "");
  while (doing.test(line)) line = line.replace(doing, "");
  return line.replace(/(?:Get|Head|Put|Patch|Post) "\S+": /, "");
}

const hints: readonly (readonly [RegExp, string])[] = [
  [/unauthorized|authentication required|denied|forbidden/i, "log in with: buildah login HOST"],
  [/HTTP response to HTTPS client|x509|certificate/i, "for a registry of your own without TLS: --tls-verify=false"],
  [/^no progress/, "check that the registry is well; --timeout gives it more time"],
  [/no such host/i, "check the registry's name"],
  [
    /does not match provided manifest digest/i,
    "the registry, or a proxy before it, serves something else than it has taken: ask who runs it",
  ],
  [passing, "check that the registry is there, then push again: what has arrived is not sent twice"],
];

function explained(purpose: string, error: CommandFailure): Failure {
  const hint = hints.find(([pattern]) => pattern.test(lastError(error)))?.[1];
  return new Failure(`cannot ${purpose}: ${causeOf(error)}`, { hint, cause: error });
}
