import { Failure } from "../system/errors.ts";
import { checkSymbols, checkVersions, type Finding, importsOf } from "./check.ts";
import type { Closure } from "./closure.ts";
import { type Hint, hintsFrom } from "./hints.ts";
import type { RootView } from "./view.ts";
import { cacheEntries, writeCache } from "./write-cache.ts";

/** What a reading of closures tells before anything of them has run. */
export interface Inspection {
  readonly findings: readonly Finding[];
  /** Sentences about what the loader would only complain about. */
  readonly warnings: readonly string[];
  readonly hints: readonly Hint[];
}

/** Checks versions and symbols of closures, each file's findings once, and what their imports predict. */
export function inspectClosures(view: RootView, closures: readonly Closure[]): Inspection {
  const findings = closures.flatMap((closure) => [...checkVersions(view, closure), ...checkSymbols(view, closure)]);
  return {
    findings: [...new Map(findings.map((each) => [each.sentence, each])).values()],
    warnings: [...new Set(closures.flatMap(({ warnings }) => warnings))],
    hints: hintsFrom(closures.flatMap((closure) => [...importsOf(view, closure)])),
  };
}

/** An ld.so.cache for an image, and the files that its loader would not find without. */
export interface ImageCache {
  readonly bytes: Uint8Array;
  readonly files: readonly string[];
}

/** undefined where every needed library lies in the loader's default directories. */
export function cacheForImage(view: RootView, closures: readonly Closure[]): ImageCache | undefined {
  const files = closures.flatMap((closure) => closure.files.filter(({ foundBy }) => foundBy.startsWith("cache")));
  const first = closures.find(({ interpreter }) => interpreter !== undefined);
  const place = first === undefined ? undefined : view.locate(first.binary);
  const examined = place === undefined ? undefined : view.examine(place);
  if (files.length === 0 || first?.interpreter === undefined || examined === undefined || "broken" in examined)
    return undefined;
  const { file } = examined.image;
  const { cacheFlags = 0 } = view.loader(file, first.interpreter);
  const bytes = writeCache(cacheEntries(closures, cacheFlags), file.endianness);
  return { bytes, files: [...new Set(files.map(({ path }) => path))] };
}

/** Throws a Failure with every finding that would keep a program from starting or from going on, unless it was considered. */
export function requireSound({ findings }: Inspection, considered: readonly string[]): void {
  const errors = findings.filter(({ severity, wanted }) => severity === "error" && !considered.includes(wanted));
  if (errors.length === 0) return;
  throw new Failure(`cannot complete the closure:\n${errors.map(({ sentence }) => `  ${sentence}`).join("\n")}`, {
    hint: `the packages do not fit each other; where it does no harm, say so: considered: [${errors[0]?.wanted}]`,
  });
}

/** Sentences for a person: warnings, and hints about files that the image lacks and the recipe has not considered. */
export function remarks(
  { findings, warnings, hints }: Inspection,
  considered: readonly string[],
  has: (path: string) => boolean,
): readonly string[] {
  const open = hints.filter(({ about }) => !considered.includes(about) && !has(about));
  return [
    ...warnings,
    ...findings.filter(({ severity }) => severity === "warning").map(({ sentence }) => sentence),
    ...open.map(({ about, sentence, imports }) => `${about}: a program ${sentence} (it imports ${imports.join(", ")})`),
  ];
}
