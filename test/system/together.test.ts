import { expect, it } from "vitest";
import { both, together } from "../../src/system/together.ts";

function resource() {
  const state = { disposed: false };
  const dispose = async () => {
    state.disposed = true;
  };
  return { state, made: { [Symbol.asyncDispose]: dispose } };
}

it("hands over what was made and what was worked out", async () => {
  const { made, state } = resource();
  expect(await together(Promise.resolve(made), Promise.resolve(7))).toEqual([made, 7]);
  expect(state.disposed).toBe(false);
});

it("disposes of what was made when the work fails", async () => {
  const { made, state } = resource();
  await expect(together(Promise.resolve(made), Promise.reject(new Error("work")))).rejects.toThrow("work");
  expect(state.disposed).toBe(true);
});

it("waits for the work before it says that nothing could be made", async () => {
  let isDone = false;
  const work = new Promise((resolve) => setTimeout(resolve, 5)).then(() => {
    isDone = true;
  });
  await expect(together(Promise.reject(new Error("making")), work)).rejects.toThrow("making");
  expect(isDone).toBe(true);
});

it("both end before a failure is thrown, whether it comes at once or later", async () => {
  const ended: string[] = [];
  const later = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    ended.push("later");
  };
  const fails = () => {
    throw new Error("at once");
  };
  await expect(both(later, fails)).rejects.toThrow("at once");
  await expect(both(fails, later)).rejects.toThrow("at once");
  expect(ended).toEqual(["later", "later"]);
  expect(await both(() => 1, later)).toEqual([1, undefined]);
});
