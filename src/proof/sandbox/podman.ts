import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Podman } from "../../image/podman.ts";
import type { Service } from "../../plan/plan.ts";
import type { Run } from "../../system/run.ts";
import { ownName, type Workdir } from "../../system/workdir.ts";
import type { ProofTools } from "../recorded-image.ts";
import { type Engine, type Running, type Start, type State, writeOverlays } from "./engine.ts";
import { runningIn } from "./process.ts";

/** The real runtime: containers of the image as the service's unit starts them. */
export class PodmanEngine implements Engine {
  readonly #image: string;
  readonly #service: Service;
  readonly #podman: Podman;
  readonly #workdir: Workdir;
  readonly #run: Run;

  constructor(image: string, service: Service, { podman, workdir, run }: ProofTools) {
    this.#image = image;
    this.#service = service;
    this.#podman = podman;
    this.#workdir = workdir;
    this.#run = run;
  }

  /** podman makes a volume when a container first uses it, and copies the image's directory into it. */
  async createState(): Promise<State> {
    const places = new Map(this.#service.state.map((directory) => [directory, ownName()]));
    return { places, [Symbol.asyncDispose]: () => this.#podman.removeVolumes([...places.values()]) };
  }

  async start(start: Start): Promise<Running> {
    const name = ownName();
    const directory = this.#workdir.file(name);
    const overlays = await writeOverlays(directory, start.files);
    const pidFile = `${directory}/pid`;
    const hasInit = this.#service.init && start.command === undefined;
    const command = this.#podman.run([
      ...["--name", name, "--rm", "--pull", "never", "--pidfile", pidFile],
      ...ownLimits(),
      ...(hasInit ? ["--init"] : []),
      ...["--network", start.network === undefined ? "none" : `ns:${start.network}`],
      ...privileges(this.#service, start.capabilities),
      ...[...overlays].flatMap(([inside, file]) => ["--mount", bindMount(file, inside)]),
      ...this.#service.state.flatMap((inside) => ["--volume", volumeOf(inside, start.state)]),
      ...commandWords(this.#image, this.#service, start.command),
    ]);
    const container = {
      command,
      pidFile,
      hasInit,
      state: () => this.#podman.containerState(name),
      // A container that has ended is removed by --rm, but not where podman itself was ended by an interruption.
      remove: () => this.#podman.rm(name),
      tidy: () => rm(directory, { recursive: true, force: true }),
    };
    return runningIn(container, this.#run);
  }
}

/**
 * podman's defaults raise the limits of open files and processes, which a confined host refuses: those of this process do. podman itself
 * takes as many processes as there are numbers for them.
 */
function ownLimits(): readonly string[] {
  const limits = readFileSync("/proc/self/limits", "latin1");
  const largest = Number(readFileSync("/proc/sys/kernel/pid_max", "latin1"));
  const limitOf = (title: string) => {
    const hard = new RegExp(`^${title} +\\S+ +(\\S+)`, "m").exec(limits)?.[1];
    return hard === undefined || hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
  };
  const nofile = Math.min(limitOf("Max open files"), 1_048_576);
  const nproc = Math.min(limitOf("Max processes"), largest);
  return ["--ulimit", `nofile=${nofile}:${nofile}`, "--ulimit", `nproc=${nproc}:${nproc}`];
}

/** One line of comma-separated values (RFC 4180), as podman-run(1) reads a mount: a path may hold whatever it likes. */
function bindMount(file: string, inside: string): string {
  const fields = ["type=bind", `source=${file}`, `destination=${inside}`, "ro=true", "relabel=shared"];
  return fields.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",");
}

/** A volume without a name is removed with its container. */
function volumeOf(inside: string, state: State | undefined): string {
  const volume = state?.places.get(inside);
  return volume === undefined ? inside : `${volume}:${inside}`;
}

/** What the service may do, in the words of podman-run(1); the unit says the same in Quadlet's. */
export function privileges(
  service: Service,
  capabilities: readonly string[] = service.capabilities,
): readonly string[] {
  const { uid, gid } = service.user;
  return [
    ...["--user", `${uid}:${gid}`],
    ...["--cap-drop", "all"],
    ...capabilities.flatMap((capability) => ["--cap-add", capability]),
    ...["--security-opt", "no-new-privileges"],
    "--read-only",
  ];
}

function commandWords(image: string, service: Service, command = service.command): readonly string[] {
  const [program = "", ...args] = command;
  return command === service.command ? [image] : ["--entrypoint", JSON.stringify([program]), image, ...args];
}
