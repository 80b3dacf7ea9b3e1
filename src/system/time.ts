import { usageFailure } from "./errors.ts";

/** A time with its unit, more than nothing: `500ms`, `2s`, `1.5m`. */
export const durationPattern = /^(?!0+(?:\.0+)?[a-z])[0-9]+(?:\.[0-9]+)?(?:ms|s|m)$/;

const units = { ms: 1, s: 1000, m: 60_000 } as const;

/** The milliseconds of a time that durationPattern matches. */
export function milliseconds(duration: string): number {
  const unit = duration.endsWith("ms") ? "ms" : duration.endsWith("s") ? "s" : "m";
  return Number.parseFloat(duration) * units[unit];
}

/** Milliseconds that a registry may make no progress if nobody asked for another time. */
export const registryTimeout = 60_000;

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
