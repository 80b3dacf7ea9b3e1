import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { inParallel, Pool } from "../../src/proof/pool.ts";

it("lends each thing to one task at a time, and all of them at once", async () => {
  await using pool = new Pool(["a", "b"]);
  const held = new Set<string>();
  let most = 0;
  await Promise.all(
    Array.from({ length: 6 }, () =>
      pool.use(async (thing) => {
        expect(held.has(thing)).toBe(false);
        held.add(thing);
        most = Math.max(most, held.size);
        await sleep(1);
        held.delete(thing);
      }),
    ),
  );
  expect(most).toBe(2);
});

it("begins nothing after a failure, and its scope ends after what had begun", async () => {
  const done: string[] = [];
  const failing = async () => {
    await using pool = new Pool(["a", "b"]);
    await Promise.all([
      pool.use(async () => {
        await sleep(20);
        done.push("slow");
      }),
      pool.use(async () => {
        throw new Error("no");
      }),
      pool.use(async () => void done.push("late")),
    ]);
  };
  await expect(failing()).rejects.toThrow("no");
  expect(done).toEqual(["slow"]);
});

it("does things in their order, a few at a time, and waits for what has begun when one fails", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = inParallel(2, [1, 2, 3, 4], async (item) => {
    begun.push(item);
    if (item === 1) throw new Error("one");
    await sleep(5);
    ended.push(item);
  });
  await expect(work).rejects.toThrow("one");
  expect({ begun, ended }).toEqual({ begun: [1, 2], ended: [2] });
});
