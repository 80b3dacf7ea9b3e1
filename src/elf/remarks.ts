import type { Log } from "../system/log.ts";
import type { Inspection } from "./inspect.ts";

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
export function tellRemarks(remarks: readonly Remark[], log: Log): void {
  const once = [...new Map(remarks.map((remark) => [remark.about, remark])).values()];
  for (const { sentence } of once) log.info(sentence);
  const open = once.filter((remark) => remark.open).map(({ about }) => about);
  if (open.length === 0) return;
  log.info(
    `add such files with scratch.files or scratch.include, or suppress the hints with scratch.ignoreHints: [${open.join(", ")}]`,
  );
}
