import type { LeaseCheck } from "../plan/check.ts";
import { ownName } from "../system/workdir.ts";
import { connectClient } from "./client.ts";
import { type Client, type Lease, NoLease } from "./client-events.ts";
import { connectClient6 } from "./client6.ts";
import { type Fault, faultOfRunning, type Scene, type Serving, serve } from "./serving.ts";

/** How long the service may take to end between its two starts, in milliseconds. */
const stopPatience = 10_000;

/**
 * A real client gets an address and renews it; the service is started anew on the same state, gives a stranger another address and
 * lets the first client keep its own.
 */
export async function checkLease(check: LeaseCheck, scene: Scene): Promise<Fault | undefined> {
  await using state = await scene.engine.createState();
  await using first = await serve(check.files, scene, state);
  if ("because" in first) return first;
  await using client = await asked(() => connect(check, scene), first);
  if ("because" in client) return client;
  const renewed = await asked(() => client.renew(), first, "when it asked to keep its address, ");
  if ("because" in renewed) return renewed;
  if (renewed.address !== client.lease.address)
    return await faultOfRunning(first.running, moved(client.lease, renewed));
  await scene.whileServing?.(first.running);
  await first.running.stop(stopPatience);
  await using second = await serve(check.files, scene, state);
  if ("because" in second) return { ...second, because: `after it was started again, ${second.because}` };
  return await remembers(check, client, second, scene);
}

async function remembers(check: LeaseCheck, client: Client, second: Serving, scene: Scene): Promise<Fault | undefined> {
  const given = await strangersAddress(check, scene);
  if (given === client.lease.address) {
    const because = `started again, it gave the address of a client to another one (${given}): it had forgotten the lease`;
    return await faultOfRunning(second.running, because);
  }
  const kept = await asked(() => client.renew(), second, "after the service was started again, ");
  if ("because" in kept) return kept;
  return kept.address === client.lease.address ? undefined : faultOfRunning(second.running, moved(client.lease, kept));
}

/** What another client is given; undefined when there is nothing left to give, which is as well. */
async function strangersAddress(check: LeaseCheck, scene: Scene): Promise<string | undefined> {
  try {
    await using stranger = await connect(check, scene, strangers[check.family]);
    return stranger.lease.address;
  } catch (error) {
    complaintOf(error);
    return undefined;
  }
}

/** Who is nobody else: a client identifier and a DUID of no hardware. */
const strangers = { 4: "00737472616e676572", 6: "00020000800a737472616e676572" } as const;

function connect({ family }: LeaseCheck, { network, workdir, run }: Scene, identity?: string): Promise<Client> {
  const options = identity === undefined ? {} : { identity };
  const directory = workdir.file(ownName());
  switch (family) {
    case 4:
      return connectClient(network, directory, run, options);
    case 6:
      return connectClient6(network, directory, run, options);
  }
}

/** What the client got, or its complaint as a fault of the service. */
async function asked<T extends object>(
  ask: () => Promise<T>,
  { running }: Serving,
  when = "",
): Promise<T | (Fault & AsyncDisposable)> {
  try {
    return await ask();
  } catch (error) {
    const fault = await faultOfRunning(running, `${when}${complaintOf(error)}`);
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
