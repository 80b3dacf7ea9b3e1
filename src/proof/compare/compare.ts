import { isIPv4 } from "node:net";
import type { LeaseCheck } from "../../plan/check.ts";
import { Failure } from "../../system/errors.ts";
import { ownName } from "../../system/workdir.ts";
import { type CheckFailure, faultOfEnd, serve } from "../checks/service.ts";
import type { ProofTools, Subject } from "../recorded-image.ts";
import { createNetwork } from "../sandbox/network.ts";
import { PodmanEngine } from "../sandbox/podman.ts";
import type { Exchange } from "./dialogue.ts";

/** Holds the same conversation with the services of two images and compares their answers field by field. */
export async function compareAnswers(
  check: LeaseCheck,
  subjects: readonly [Subject, Subject],
  tools: ProofTools,
): Promise<CheckFailure | undefined> {
  if (check.family === 6) throw new Failure("cannot compare answers: there is no DHCPv6 conversation yet");
  const [ours, theirs] = await Promise.all(subjects.map((subject) => listen(check, subject, tools)));
  if (ours === undefined || theirs === undefined) return undefined;
  if ("because" in ours) return ours;
  if ("because" in theirs) return { ...theirs, because: `of the other image, ${theirs.because}` };
  const differences = differingAnswers(ours.exchanges, theirs.exchanges);
  if (ours.exchanges.every(({ answer }) => answer === undefined)) return { because: "it answers nothing", output: [] };
  if (differences.length === 0) return undefined;
  return { because: `${differences.length} answers differ`, output: differences.slice(0, 12) };
}

async function listen(
  { files, server }: LeaseCheck,
  { facts, record }: Subject,
  tools: ProofTools,
): Promise<CheckFailure | { readonly exchanges: readonly Exchange[] }> {
  const { workdir, run } = tools;
  const { service } = record.plan;
  const engine = new PodmanEngine(facts.id, service, tools);
  await using network = await createNetwork(workdir.file(ownName()), server, run);
  await using serving = await serve(files, { engine, service, network, workdir, run });
  if ("because" in serving) return serving;
  const [address = ""] = server.split("/");
  const { execPath, execArgv, argv } = process;
  // The conversation needs sockets in the client's network namespace: it is a process of its own.
  const self = [execPath, ...execArgv, argv[1] ?? "", "--quiet", "converse", address, relayAddress(server)] as const;
  const { running } = serving;
  const said = await run(network.atClient([...self, String(await running.pid())]));
  if (!(await running.isRunning())) return await faultOfEnd(running, " when clients asked it");
  return { exchanges: JSON.parse(said) as readonly Exchange[] };
}

/** The last address of the server's network that is not the server's, with the prefix. */
export function relayAddress(server: string): string {
  const [address = "", prefix = ""] = server.split("/");
  if (!isIPv4(address)) throw new Error(`${address} is no IPv4 address`);
  const number = address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const size = 2 ** (32 - Number(prefix));
  const last = Math.floor(number / size) * size + size - 2;
  const chosen = last === number ? last - 1 : last;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(chosen / 2 ** shift) % 256).join(".")}/${prefix}`;
}

/** In what two conversations differ, one sentence per field. */
export function differingAnswers(ours: readonly Exchange[], theirs: readonly Exchange[]): readonly string[] {
  const length = Math.max(ours.length, theirs.length);
  return Array.from({ length }, (_, index) => index).flatMap((index) => {
    const [mine, other] = [ours[index], theirs[index]];
    const said = mine?.said ?? other?.said ?? "";
    if (mine === undefined || other === undefined) return [`${said}: only one of them still had an answer before`];
    const names = new Set([...Object.keys(mine.answer ?? {}), ...Object.keys(other.answer ?? {})]);
    if (mine.answer === undefined || other.answer === undefined) {
      return mine.answer === other.answer
        ? []
        : [`${said}: ${mine.answer === undefined ? "silence here" : "silence there"}`];
    }
    return [...names].flatMap((name) => {
      const [here = "absent", there = "absent"] = [mine.answer?.[name], other.answer?.[name]];
      return here === there ? [] : [`${said}: ${name} is ${here} here, ${there} there`];
    });
  });
}
