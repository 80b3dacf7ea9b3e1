import { expect } from "vitest";

/**
 * Four times as much input takes less than ten times as long: true of work in proportion to its input (and of sorting), false of work by
 * the square, which takes sixteen. `prepare` makes the input of a size and returns the work. The processor time of the shortest of several runs counts,
 * for others use this machine too.
 */
export function expectProportion(size: number, prepare: (size: number) => () => unknown): void {
  const [once, fourfold] = [prepare(size), prepare(4 * size)];
  let [short, long] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < 6; run++) {
    short = Math.min(short, timeOf(once));
    long = Math.min(long, timeOf(fourfold));
    if (run > 0 && long < 10 * short) return;
  }
  expect(long / short).toBeLessThan(10);
}

/** Of this process alone, in microseconds. */
function timeOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
