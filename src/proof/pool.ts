/**
 * Things that one task at a time may use: a task waits until one is free. After the first task that throws no other begins. Its scope ends
 * when the last task has, so that what the tasks use may then be undone.
 */
export class Pool<T> implements AsyncDisposable {
  readonly #free: T[];
  readonly #waiting: ((thing: T) => void)[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(things: readonly T[]) {
    this.#free = [...things];
  }

  async use<R>(task: (thing: T) => Promise<R>): Promise<R> {
    const thing = this.#free.pop() ?? (await new Promise<T>((resolve) => this.#waiting.push(resolve)));
    try {
      if (this.#failure !== undefined) throw this.#failure.error;
      const running = task(thing);
      this.#running.add(running);
      return await running.finally(() => this.#running.delete(running));
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(thing);
      else next(thing);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= { error: new Error("the pool is closed") };
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}

/**
 * Does something with each of the items, at most `limit` at a time and in their order. After the first failure nothing more is begun; what
 * is on its way is waited for, so that nothing is left of it, and then the failure is thrown.
 */
export async function inParallel<T>(
  limit: number,
  items: readonly T[],
  perform: (item: T) => Promise<void>,
): Promise<void> {
  const pending = [...items].reverse();
  const failures: unknown[] = [];
  const worker = async () => {
    for (let item = pending.pop(); item !== undefined && failures.length === 0; item = pending.pop()) {
      try {
        await perform(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
}
