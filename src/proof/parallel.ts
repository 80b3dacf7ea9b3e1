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
