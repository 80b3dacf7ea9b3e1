import { usageFailure } from "./errors.ts";

/**
 * The value of SOURCE_DATE_EPOCH in seconds, undefined where it is unset or empty; throws a usage Failure for anything but a number
 * that a tar header holds (ustar: 11 octal digits). https://reproducible-builds.org/specs/source-date-epoch/
 */
export function parseSourceDateEpoch(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const seconds = Number(text);
  if (/^[0-9]+$/.test(text) && seconds < 8 ** 11) return seconds;
  throw usageFailure(
    `cannot use SOURCE_DATE_EPOCH '${text}': it must be whole seconds since 1970`,
    "unset it, or try SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)",
  );
}
