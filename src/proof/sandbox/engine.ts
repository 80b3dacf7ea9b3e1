import { mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailure } from "../../system/run.ts";
import { ProgramTime } from "./program-time.ts";

/** Somewhere the programs of an image run, with the privileges of its service and no others. */
export interface Engine {
  /** Starts a program; resolves as soon as it is on its way. */
  start(start: Start): Promise<Running>;
  /** Fresh state for the service, as a first start finds it. */
  createState(): Promise<State>;
}

export interface Start {
  /** The service's own command where not given. */
  readonly command?: readonly string[];
  /** Files laid over the image read-only, content by path. */
  readonly files: Readonly<Record<string, string>>;
  /** The service's own where not given; without `CAP_`. */
  readonly capabilities?: readonly string[];
  /** The file of a network namespace; without one there is no network. */
  readonly network?: string;
  /** Kept from one start to the next; fresh and thrown away where not given. */
  readonly state?: State;
}

/** The service's state directories, gone with the scope. */
export interface State extends AsyncDisposable {
  /** What holds each state directory: a volume's name or a directory of the host. */
  readonly places: ReadonlyMap<string, string>;
}

/** A program on its way; ended with the scope if it has not ended before. */
export interface Running extends AsyncDisposable {
  /** Resolves when it has ended, however it ended. */
  readonly ended: Promise<ExitStatus>;
  /** Its process number on the host; undefined when it ended before it had one. */
  pid(): Promise<number | undefined>;
  /** The program's time since the runtime executed it ("running" of the OCI runtime specification); undefined if it ended before. */
  life(): Promise<ProgramTime | undefined>;
  /** Whether it runs at this moment: of a service with an init, the service. */
  isRunning(): Promise<boolean>;
  /** Asks it to end with SIGTERM, and kills it after so many milliseconds of program time; resolves when it has ended. */
  stop(patience: number): Promise<Stopped>;
}

export interface ExitStatus {
  /** undefined when it was killed or could not be started. */
  readonly exitCode: number | undefined;
  /** What it wrote to stdout and stderr. */
  readonly output: string;
}

/**
 * How a program ended that was to be stopped. It ended by itself if its process was gone when SIGTERM was about to be sent, whatever exit code
 * it left: a service that goes into the background and leaves its container with 0, too.
 */
export interface Stopped extends ExitStatus {
  readonly by: "itself" | "SIGTERM" | "SIGKILL";
  /** From SIGTERM to the end, in milliseconds of program time. */
  readonly milliseconds: number;
}

/** Turns a command on its way into how it ended. Interruptions are thrown to whoever waits for it, and to nobody else. */
export function endOf(command: Promise<string>): Promise<ExitStatus> {
  const ended = command.then(
    (output): ExitStatus => ({ exitCode: 0, output }),
    (error: unknown): ExitStatus => {
      if (!(error instanceof CommandFailure) || error.notFound) throw error;
      return { exitCode: error.exitCode, output: [error.stdout, error.stderr].filter(Boolean).join("\n") };
    },
  );
  ended.catch(() => {});
  return ended;
}

/** Milliseconds between two looks at something that cannot be waited for. */
const interval = 4;

/** Looks until there is something; undefined once `ended` has settled or so many milliseconds have passed on the clock. */
export async function poll<T>(
  look: () => Promise<T | undefined>,
  ended: Promise<unknown>,
  patience: number,
  clock = new ProgramTime(),
): Promise<T | undefined> {
  let over = false;
  const end = () => {
    over = true;
  };
  ended.then(end, end);
  for (; !clock.hasPassed(patience); await sleep(interval)) {
    const found = await look();
    if (found !== undefined || over) return found;
  }
  return undefined;
}

/** The number in a process number file, as soon as it is there. */
export function pollPid(file: string, ended: Promise<unknown>, patience: number): Promise<number | undefined> {
  return poll(
    async () => Number.parseInt(await readFile(file, "utf8").catch(() => ""), 10) || undefined,
    ended,
    patience,
  );
}

/**
 * Writes texts into a new directory for mounting them, and returns the file of the host for each path, without links in it. Anybody may read
 * them.
 */
export async function writeOverlays(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, string>> {
  await mkdir(directory);
  const real = await realpath(directory);
  const places = Object.keys(files).map((inside, index) => [inside, path.join(real, String(index))] as const);
  await Promise.all(places.map(([inside, place]) => writeFile(place, files[inside] ?? "", { mode: 0o644 })));
  return new Map(places);
}
