/** What the checks say of an image from which something is missing. */
export interface Trial {
  /** The checks that failed, in the recipe's order; none when all passed. */
  readonly failed: readonly FailedCheck[];
}

export interface FailedCheck {
  readonly check: string;
  /** As the end of a sentence. */
  readonly because: string;
}

/** Tries the image without these paths; `thorough` where it matters which checks fail, and not only that one does. */
export type TryWithout = (paths: readonly string[], thorough: boolean) => Promise<Trial>;

/** Something of an image that can be missing. */
export interface Removable {
  readonly path: string;
  /** Whether the record says that a program or its loader asks for it; what nobody vouches for is tried in groups. */
  readonly isVouchedFor: boolean;
}

/**
 * Tries the image without each of the candidates. Those nobody vouches for are taken away all at once, then half of them and so on (delta
 * debugging: Zeller and Hildebrandt, 2002), so that a group which nothing needs costs one trial. Returns the checks that fail without each
 * candidate; none for one that can be spared.
 */
export async function ablate(
  candidates: readonly Removable[],
  tryWithout: TryWithout,
): Promise<ReadonlyMap<string, readonly FailedCheck[]>> {
  const found = new Map<string, readonly FailedCheck[]>();
  const explore = async (group: readonly string[]): Promise<void> => {
    const { failed } = await tryWithout(group, group.length === 1);
    if (failed.length === 0 || group.length === 1) {
      for (const path of group) found.set(path, failed);
      return;
    }
    const middle = Math.ceil(group.length / 2);
    await Promise.all([explore(group.slice(0, middle)), explore(group.slice(middle))]);
  };
  const paths = (wanted: boolean) => candidates.flatMap((each) => (each.isVouchedFor === wanted ? [each.path] : []));
  const suspects = paths(false);
  await Promise.all([
    ...paths(true).map((path) => explore([path])),
    ...(suspects.length === 0 ? [] : [explore(suspects)]),
  ]);
  return found;
}

/**
 * As many of the spared paths as can be missing at the same time, found one after the other: two that can stand in for each
 * other are each dispensable, but not both.
 */
export async function spareTogether(spared: readonly string[], tryWithout: TryWithout): Promise<readonly string[]> {
  if (spared.length < 2) return spared;
  if ((await tryWithout(spared, false)).failed.length === 0) return spared;
  let gone: readonly string[] = [];
  for (const path of spared) {
    const more = [...gone, path];
    if ((await tryWithout(more, false)).failed.length === 0) gone = more;
  }
  return gone;
}

/** How much a check contributes to the proof. */
export interface CheckCoverage {
  readonly check: string;
  /** How many entries it fails without. */
  readonly failsWithout: number;
  /** Why nothing depends on its failing; absent for a check that proves something. */
  readonly weakness?: string;
}

/**
 * What each check contributes. One is weak when it passes whatever is missing, or when another check fails without all the entries that
 * it fails without: no entry would lose its proof with it. Of two that are worth the same the first counts.
 */
export function coverageOf(
  checks: readonly string[],
  found: ReadonlyMap<string, readonly FailedCheck[]>,
): readonly CheckCoverage[] {
  const failures = [...found];
  const pathsOf = checks.map(
    (check) =>
      new Set(failures.flatMap(([path, failed]) => (failed.some((each) => each.check === check) ? [path] : []))),
  );
  return checks.map((check, index) => {
    const paths = pathsOf[index] ?? new Set();
    const stronger = checks.find((_, other) => {
      const others = pathsOf[other] ?? new Set();
      const isAsGood = other !== index && [...paths].every((path) => others.has(path));
      return isAsGood && (others.size > paths.size || other < index);
    });
    const weakness =
      paths.size === 0
        ? "it passes whatever is missing"
        : stronger === undefined
          ? undefined
          : `'${stronger}' fails wherever it does`;
    return { check, failsWithout: paths.size, ...(weakness === undefined ? {} : { weakness }) };
  });
}
