import pino from "pino";
import { visible, withShortLines } from "./visible.ts";

/** Progress and commands for stderr. `debug` is what --verbose adds; stdout is never written to. */
export type Log = Pick<pino.Logger, "error" | "warn" | "info" | "debug" | "trace">;

export interface LogOptions {
  readonly level: "warn" | "info" | "debug" | "trace";
  readonly format: "text" | "json";
}

/**
 * A pino logger that writes to stderr synchronously (a worker thread would not survive bundling or a sudden exit).
 * As text each record is its message alone, warnings and errors with their level before it; text of others in it is harmless to a
 * terminal. As json it is pino's record with the level by name and the time in ISO 8601.
 */
export function createLog(options: LogOptions): Log {
  const stderr = pino.destination({ dest: 2, sync: true });
  // A full or closed stderr takes nothing, and there is nowhere else to report that; the exit code stays right.
  stderr.on("error", () => {});
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.format === "json" ? stderr : { write: (record: string) => void stderr.write(asText(record)) },
  );
}

function asText(record: string): string {
  const { level, msg, hint } = JSON.parse(record) as { level: string; msg?: string; hint?: string };
  const prefix = level === "error" ? "error: " : level === "warn" ? "warning: " : level === "debug" ? "+ " : "";
  const text = `${prefix}${msg ?? ""}\n${hint === undefined ? "" : `hint: ${hint}\n`}`;
  // A command is shown whole, so that it can be pasted.
  return visible(level === "debug" ? text : withShortLines(text));
}

/** For unit tests and for rooms that are used without a command line around them. */
export const silent: Log = { error() {}, warn() {}, info() {}, debug() {}, trace() {} };
