import type { Unproven } from "../plan/check.ts";
import type { BuildRecord, EntryRecord } from "../report/record.ts";
import type { FailedCheck, Removable } from "./ablation.ts";
import type { ImageFile } from "./image-files.ts";

/** What the proof says of one entry of an image. */
export interface Verdict {
  readonly path: string;
  readonly kind: ImageFile["kind"];
  readonly verdict: "needed" | "unproven";
  /** The checks that fail without it. */
  readonly failed?: readonly FailedCheck[];
  /** What a needed directory holds. */
  readonly holds?: string;
  /** Why the recipe accepts that no check needs it. */
  readonly accepted?: string;
}

/** What can be missing by itself: whatever holds nothing. A directory is missing when all it holds is. */
export function removablesOf(files: readonly ImageFile[], recorded: readonly EntryRecord[]): readonly Removable[] {
  const holders = new Set(files.map(({ path }) => path.slice(0, path.lastIndexOf("/"))));
  const vouched = new Set(
    recorded.flatMap(({ path, reason }) => (["asked", "needed", "link"].includes(reason.kind) ? [path] : [])),
  );
  return files
    .filter(({ path, kind }) => kind !== "directory" || !holders.has(path))
    .map(({ path }) => ({ path, isVouchedFor: vouched.has(path) }));
}

/** The verdict on every entry: a directory is needed when something in it is, and so is its old name in `recorded`, a link to it. */
export function verdictsOf(
  files: readonly ImageFile[],
  found: ReadonlyMap<string, readonly FailedCheck[]>,
  unproven: readonly Unproven[],
  recorded: readonly EntryRecord[] = [],
): readonly Verdict[] {
  const isNeeded = (path: string) => (found.get(path)?.length ?? 0) > 0;
  const held = (directory: string) =>
    files.find((other) => isNeeded(other.path) && `${other.path}/`.startsWith(`${directory}/`))?.path;
  const oldNames = new Map(
    recorded.flatMap(({ path, reason }) => (reason.kind === "runtime" ? [[path, held(reason.to)] as const] : [])),
  );
  const isOldName = (path: string) => oldNames.get(path) !== undefined;
  const needed = files.filter(({ path }) => isNeeded(path) || isOldName(path));
  return files.map(({ path, kind }) => {
    const failed = found.get(path) ?? [];
    const holds = oldNames.get(path) ?? needed.find((other) => other.path.startsWith(`${path}/`))?.path;
    if (failed.length > 0) return { path, kind, verdict: "needed", failed };
    if (holds !== undefined) return { path, kind, verdict: "needed", holds };
    const accepted = acceptance(path, unproven) ?? acceptanceOfAll(files, path, unproven);
    return { path, kind, verdict: "unproven", ...(accepted === undefined ? {} : { accepted }) };
  });
}

function acceptance(path: string, unproven: readonly Unproven[]): string | undefined {
  return unproven.find((each) => path === each.path || path.startsWith(`${each.path}/`))?.reason;
}

/** A directory is accepted with what it holds, where that is something and all of it is accepted. */
function acceptanceOfAll(
  files: readonly ImageFile[],
  directory: string,
  unproven: readonly Unproven[],
): string | undefined {
  const reasons = files
    .filter(({ path, kind }) => kind !== "directory" && path.startsWith(`${directory}/`))
    .map(({ path }) => acceptance(path, unproven));
  return reasons.includes(undefined) ? undefined : reasons[0];
}

/**
 * What need not be proved: what the recipe accepts, what it has put there for scanners alone, and what a program opens by itself in a
 * situation that no check brings about, such as libgcc_s.so.1 when a thread is canceled.
 */
export function acceptedOf({ plan, entries, dlopen = [] }: BuildRecord): readonly Unproven[] {
  const metadata = entries.filter(({ reason }) => reason.kind === "metadata");
  const recommended = dlopen.filter(({ outcome, priority }) => outcome === "found" && priority === "recommended");
  const opened = new Map(recommended.map(({ path, requester, feature }) => [path, { requester, feature }]));
  return [
    ...plan.unproven,
    ...metadata.map(({ path }) => ({ path, reason: "for scanners: the recipe's metadata" })),
    ...entries.flatMap(({ path, reason }) => {
      const by = reason.kind === "needed" && reason.rule === "dlopen" ? opened.get(path) : undefined;
      return by === undefined ? [] : [{ path, reason: `${by.requester} opens it for ${by.feature ?? "itself"}` }];
    }),
  ];
}

/** What the verdicts have against the image, one sentence each; none when every entry is needed or rightly accepted. */
export function objections(verdicts: readonly Verdict[], unproven: readonly Unproven[]): readonly string[] {
  return [
    ...verdicts.flatMap(({ path, verdict, accepted }) =>
      verdict === "unproven" && accepted === undefined ? [`no check needs ${path}`] : [],
    ),
    ...unproven.flatMap(({ path }) =>
      verdicts.some((each) => each.path === path && each.verdict === "needed")
        ? [`the recipe accepts ${path} as unproven, and it is needed`]
        : [],
    ),
  ];
}
