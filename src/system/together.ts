/**
 * Makes something to be disposed of while other work is done. Where either fails, what was made is disposed of before the failure is
 * thrown; the work's failure first.
 */
export async function together<Resource extends AsyncDisposable, Result>(
  making: Promise<Resource>,
  working: Promise<Result>,
): Promise<readonly [Resource, Result]> {
  const [made, worked] = await Promise.allSettled([making, working]);
  if (made.status === "fulfilled" && worked.status === "fulfilled") return [made.value, worked.value];
  if (made.status === "fulfilled") await made.value[Symbol.asyncDispose]();
  throw worked.status === "rejected" ? worked.reason : made.status === "rejected" ? made.reason : undefined;
}

/** Starts both and waits until both have ended, also where one fails; throws the first one's failure, else the second's. */
export async function both<First, Second>(
  first: () => First | Promise<First>,
  second: () => Second | Promise<Second>,
): Promise<readonly [First, Second]> {
  const [one, other] = await Promise.allSettled([(async () => first())(), (async () => second())()]);
  if (one.status === "rejected") throw one.reason;
  if (other.status === "rejected") throw other.reason;
  return [one.value, other.value];
}
