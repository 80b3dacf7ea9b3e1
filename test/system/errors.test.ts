import { expect, it } from "vitest";
import { Failure, firstError, Interruption, systemErrorCode, usageFailure } from "../../src/system/errors.ts";

it("a failure is a sentence with a hint, and its cause stays with it", () => {
  const cause = new Error("ENOSPC");
  const failure = new Failure("cannot write the image: the disk is full", { hint: "make room", cause });
  expect(failure).toMatchObject({
    message: "cannot write the image: the disk is full",
    hint: "make room",
    kind: "failed",
    cause,
  });
});

it("a usage failure says that nothing was done", () => {
  expect(usageFailure("cannot read the recipe: no such file")).toMatchObject({ kind: "usage", hint: undefined });
});

it("of what went wrong and what went wrong while it was undone the first is told", () => {
  const first = new Failure("cannot lay the cable: no such device");
  const pair = (suppressed: unknown) => Object.assign(new Error("x"), { name: "SuppressedError", suppressed });
  expect(firstError(pair(pair(first)))).toBe(first);
  expect(firstError(first)).toBe(first);
});

it("an interruption names its signal", () => {
  expect(new Interruption("SIGINT")).toMatchObject({ signal: "SIGINT", message: "interrupted by SIGINT" });
});

it.each([
  ["a system error has its code", Object.assign(new Error("x"), { code: "ENOENT" }), "ENOENT"],
  ["an error without code has none", new Error("x"), undefined],
  ["a code that is no text is none", Object.assign(new Error("x"), { code: 5 }), undefined],
  ["what is no error has none", { code: "ENOENT" }, undefined],
])("%s", (_, value, code) => {
  expect(systemErrorCode(value)).toBe(code);
});
