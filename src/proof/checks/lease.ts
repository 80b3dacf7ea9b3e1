import type { LeaseCheck } from "../../plan/check.ts";
import { ownName } from "../../system/workdir.ts";
import { type Client, type Lease, NoLease, Silence } from "./client-events.ts";
import { connectClient } from "./client4.ts";
import { connectClient6 } from "./client6.ts";
import {
  type CheckContext,
  type CheckFailure,
  checkFailureOfRunning,
  faultOfEnd,
  faultOfSilence,
  type Serving,
  serve,
} from "./service.ts";

/** How long the service may take to end between its two starts, in milliseconds. */
const stopPatience = 10_000;

/**
 * A real client gets an address and renews it; the service is started anew on the same state, gives a stranger another address and
 * lets the first client keep its own.
 */
export async function checkLease(check: LeaseCheck, scene: CheckContext): Promise<CheckFailure | undefined> {
  await using state = await scene.engine.createState();
  await using first = await serve(check.files, scene, state);
  if ("because" in first) return first;
  await using client = await asked(() => connect(check, first, scene), first);
  if ("because" in client) return client;
  const renewed = await asked(() => client.renew(first.running), first, "when it asked to keep its address, ");
  if ("because" in renewed) return renewed;
  if (renewed.address !== client.lease.address)
    return await checkFailureOfRunning(first.running, moved(client.lease, renewed));
  await scene.whileServing?.(first.running);
  const stopped = await first.running.stop(stopPatience);
  if (stopped.by === "itself") return await faultOfEnd(first.running, " after a client had asked it");
  await using second = await serve(check.files, scene, state);
  if ("because" in second) return { ...second, because: `after it was started again, ${second.because}` };
  return await remembers(check, client, second, scene);
}

async function remembers(
  check: LeaseCheck,
  client: Client,
  second: Serving,
  scene: CheckContext,
): Promise<CheckFailure | undefined> {
  const given = await strangersAddress(check, second, scene);
  if (given === client.lease.address) {
    const because = `started again, it gave the address of a client to another one (${given}): it had forgotten the lease`;
    return await checkFailureOfRunning(second.running, because);
  }
  const kept = await asked(() => client.renew(second.running), second, "after the service was started again, ");
  if ("because" in kept) return kept;
  return kept.address === client.lease.address
    ? undefined
    : checkFailureOfRunning(second.running, moved(client.lease, kept));
}

/** What another client is given; undefined when there is nothing left to give, which is as well. */
async function strangersAddress(check: LeaseCheck, serving: Serving, scene: CheckContext): Promise<string | undefined> {
  try {
    await using stranger = await connect(check, serving, scene, strangers[check.family]);
    return stranger.lease.address;
  } catch (error) {
    complaintOf(error);
    return undefined;
  }
}

/** Who is nobody else: a client identifier and a DUID of no hardware. */
const strangers = { 4: "00737472616e676572", 6: "00020000800a737472616e676572" } as const;

function connect(
  { family }: LeaseCheck,
  { running }: Serving,
  { network, workdir, run }: CheckContext,
  identity?: string,
): Promise<Client> {
  const options = identity === undefined ? {} : { identity };
  const directory = workdir.file(ownName());
  switch (family) {
    case 4:
      return connectClient(network, running, directory, run, options);
    case 6:
      return connectClient6(network, running, directory, run, options);
  }
}

/** What the client got, or its complaint as a fault of the service. */
async function asked<T extends object>(
  ask: () => Promise<T>,
  { running }: Serving,
  when = "",
): Promise<T | (CheckFailure & AsyncDisposable)> {
  try {
    return await ask();
  } catch (error) {
    const because = `${when}${complaintOf(error)}`;
    const fault = !(await running.isRunning())
      ? await faultOfEnd(running, " when a client asked it")
      : error instanceof Silence
        ? await faultOfSilence(running, because)
        : await checkFailureOfRunning(running, because);
    return { ...fault, [Symbol.asyncDispose]: async () => {} };
  }
}

function moved(before: Lease, after: Lease): string {
  return `the client had ${before.address} and was given ${after.address} when it asked to keep it`;
}

/** The client's complaint, where it is the client's. */
function complaintOf(error: unknown): string {
  if (error instanceof NoLease) return error.message;
  throw error;
}
