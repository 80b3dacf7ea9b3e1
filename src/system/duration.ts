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
