import type { MissingFile } from "../loader/closure.ts";
import { Failure } from "../system/errors.ts";
import type { Log } from "../system/log.ts";
import { visibleLines } from "../system/visible.ts";
import { checkSymbols, checkVersions, type Finding } from "./check.ts";
import type { CompleteClosure } from "./complete.ts";
import type { Evidence } from "./evidence.ts";
import { type Hint, hintsFrom } from "./hints.ts";

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
  { view, closures, included, lacking }: Omit<CompleteClosure, "include">,
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

/** Something a person may want to know about an image; `about` is what the recipe calls it. */
export interface Remark {
  readonly about: string;
  readonly sentence: string;
  /** The recipe can answer it: with a file, or by ignoring the hint. */
  readonly open: boolean;
}

/** So many imports give a hint away well enough. */
const mostImports = 5;

/** Warnings, and hints about files that the image lacks (`has` is asked) and that the recipe does not ignore. */
export function remarksOn(
  { findings, warnings, hints, lacking }: Inspection,
  ignoreHints: readonly string[],
  has: (path: string) => boolean,
): readonly Remark[] {
  const harmless = findings.filter(({ severity, wanted }) => severity === "warning" && !ignoreHints.includes(wanted));
  return [
    ...warnings.map((sentence) => ({ about: sentence, sentence, open: false })),
    ...harmless.map(({ sentence }) => ({ about: sentence, sentence, open: false })),
    ...lacking
      .filter(({ soname }) => !ignoreHints.includes(soname))
      .map(({ soname, requiredBy }) => {
        const sentence = `${soname}: no package provides it, and ${requiredBy.join(", ")} cannot be started without it`;
        return { about: soname, sentence, open: true };
      }),
    ...hints
      .filter(({ about, answers }) => !ignoreHints.includes(about) && ![about, ...answers].some(has))
      .map(({ about, sentence, imports }) => {
        const named = imports.slice(0, mostImports).join(", ") + (imports.length > mostImports ? ", ..." : "");
        const evidence = imports.length === 0 ? "" : ` (imports ${named})`;
        return { about, sentence: `${about}: the service ${sentence}${evidence}`, open: true };
      }),
  ];
}

/** Says each thing once, whichever images it is about, and what a recipe can do about the open ones. */
export function reportRemarks(remarks: readonly Remark[], log: Log): void {
  const once = [...new Map(remarks.map((remark) => [remark.about, remark])).values()];
  for (const { sentence } of once) log.info(sentence);
  const open = once.filter((remark) => remark.open).map(({ about }) => about);
  if (open.length === 0) return;
  log.info(
    `add such files with scratch.files or scratch.include, or suppress the hints with scratch.ignoreHints: [${open.join(", ")}]`,
  );
}
