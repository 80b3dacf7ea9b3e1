import { Failure } from "../system/errors.ts";
import { visibleLines } from "../system/visible.ts";
import { checkSymbols, checkVersions, type Finding } from "./check.ts";
import type { MissingFile } from "./closure.ts";
import type { Evidence } from "./evidence.ts";
import { type Hint, hintsFrom } from "./hints.ts";
import type { CompleteClosures } from "./provide.ts";

/** What a reading of closures tells before anything of them has run. */
export interface Inspection {
  readonly findings: readonly Finding[];
  /** Sentences about what the loader would only complain about. */
  readonly warnings: readonly string[];
  readonly hints: readonly Hint[];
  /** What scripts of included directories lack. */
  readonly lacking: readonly MissingFile[];
}

/**
 * Checks versions and symbols of closures, each file's findings once, and what their imports predict. Of what is merely included only the
 * versions are checked: its symbols may come from whatever program opens it. Throws ElfError.
 */
export function inspectClosures(
  { view, closures, included, lacking }: Omit<CompleteClosures, "include">,
  evidence: Evidence,
): Inspection {
  const all = [...closures, ...included];
  const findings = [
    ...all.flatMap((closure) => checkVersions(view, closure)),
    ...closures.flatMap((closure) => checkSymbols(view, closure)),
  ];
  return {
    findings: [...new Map(findings.map((each) => [each.sentence, each])).values()],
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
    hints: hintsFrom(evidence),
    lacking,
  };
}

/** So many names a hint repeats; the findings have them all. */
const mostNamed = 5;
/** So many findings an error shows. */
const mostLines = 50;

/** Throws a Failure with every finding that would keep a program from starting or from going on, unless the recipe ignores it. */
export function requireSound({ findings }: Inspection, ignoreHints: readonly string[]): void {
  const errors = findings.filter(({ severity, wanted }) => severity === "error" && !ignoreHints.includes(wanted));
  if (errors.length === 0) return;
  const wanted = [...new Set(errors.map((each) => each.wanted))];
  const named = wanted.slice(0, mostNamed).join(", ") + (wanted.length > mostNamed ? ", ..." : "");
  const lines = errors.slice(0, mostLines).map(({ sentence }) => `  ${sentence}`);
  if (errors.length > mostLines) lines.push(`  and ${errors.length - mostLines} more`);
  throw new Failure(`cannot complete the closure:\n${visibleLines(lines)}`, {
    hint: `these packages are incompatible; if it is harmless, add to the recipe: scratch.ignoreHints: [${named}]`,
  });
}
