import { constants } from "node:os";
import { CommanderError } from "commander";
import { createProgram } from "./cli.ts";
import type { CommandContext } from "./system/context.ts";
import {
  Failure,
  firstError,
  Interruption,
  interruptingSignals,
  resourceFailure,
  systemCause,
} from "./system/errors.ts";
import type { Log, LogOptions } from "./system/log.ts";
import type { Run } from "./system/run.ts";
import { visible, withShortLines } from "./system/visible.ts";

const exitCodes = { failed: 1, usage: 2, bug: 70 } as const;

// A umask under which everybody may write what is made, caches included, is a mistake.
if ((process.umask() & 0o002) === 0) process.umask(0o022);

const interruption = new AbortController();
for (const signal of interruptingSignals) {
  process.on(signal, () => interruption.abort(new Interruption(signal)));
}
// `dhcpd-build sbom IMAGE | head` is no failure; a result that does not fit on a disk is.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE" || process.exitCode === exitCodes.failed) return;
  process.exitCode = exitCodes.failed;
  report("error", `cannot write the result to stdout: ${systemCause(error)}`);
});

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

let tools: { readonly log: Log; readonly run: Run } | undefined;

/** Loaded when a verb runs and not before, so that `--version` and `--help` are quick. */
async function openTools(options: LogOptions): Promise<{ readonly log: Log; readonly run: Run }> {
  const [{ createLog }, { createRun }] = await Promise.all([import("./system/log.ts"), import("./system/run.ts")]);
  const log = createLog(options);
  return { log, run: createRun(log, interruption.signal) };
}

function opened(): { readonly log: Log; readonly run: Run } {
  if (tools === undefined) throw new Error("a verb ran before its tools were opened");
  return tools;
}

const context: CommandContext = {
  get log() {
    return opened().log;
  },
  get run() {
    return opened().run;
  },
  print: (text) => write(visible(text)),
  printJson: (value) => write(JSON.stringify(value, undefined, 2)),
  relay: write,
  setExitCode: (code) => {
    process.exitCode = code;
  },
};

async function main(): Promise<void> {
  const program = createProgram(context, async (options) => {
    tools = await openTools(options);
  });
  try {
    await program.parse();
    if (interruption.signal.aborted) throw interruption.signal.reason;
  } catch (error) {
    process.exitCode = await explain(error);
  }
}

/** Says once what went wrong and returns the exit code for it. */
async function explain(thrown: unknown): Promise<number> {
  const error = firstError(thrown);
  // commander has printed the help or the version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof Interruption) {
    report("warn", `${error.message}; nothing was left behind`);
    return 128 + constants.signals[error.signal];
  }
  const failure = error instanceof Failure ? error : resourceFailure(error);
  if (failure !== undefined) {
    report("error", failure.message, failure.hint);
    return exitCodes[failure.kind];
  }
  report("error", `this is a bug in dhcpd-build\n${error instanceof Error ? error.stack : String(error)}`);
  return exitCodes.bug;
}

/** Before the log is there, as where not even its files can be opened, stderr itself has to do. */
function report(level: "error" | "warn", message: string, hint?: string): void {
  const hinted = hint === undefined ? {} : { hint };
  if (tools !== undefined) tools.log[level](hinted, message);
  else {
    const prefix = level === "warn" ? "warning" : level;
    process.stderr.write(
      visible(withShortLines(`${prefix}: ${message}\n${hint === undefined ? "" : `hint: ${hint}\n`}`)),
    );
  }
}

await main();
