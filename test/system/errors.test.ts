import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  Failure,
  firstError,
  Interruption,
  resourceFailure,
  systemCause,
  systemErrorCode,
  usageFailure,
} from "../../src/system/errors.ts";

const thrownBy = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
};
const refused = (code: string, errno: number, syscall: string) =>
  Object.assign(new Error(`${code}: x, ${syscall} '/a'`), { code, errno, syscall, path: "/a" });

it.each([
  [
    "nothing there",
    thrownBy(() => readFileSync("/nowhere/at/all")),
    "cannot open /nowhere/at/all: there is no such file or directory",
  ],
  [
    "a file in the way",
    thrownBy(() => readdirSync("/etc/passwd")),
    "cannot read /etc/passwd: a part of the path is not a directory",
  ],
  [
    "no place for files of others",
    thrownBy(() => writeFileSync("/proc/x", "")),
    "cannot open /proc/x: there is no such file or directory",
  ],
  ["a full disk", refused("ENOSPC", -28, "open"), "cannot write /a: no space left on device"],
  [
    "a limit on files",
    refused("EFBIG", -27, "write"),
    "cannot write /a: it would be larger than the limit on the size of files",
  ],
  ["a limit on open files", refused("EMFILE", -24, "open"), "cannot open /a: too many open files"],
  ["a closed file system", refused("EROFS", -30, "mkdir"), "cannot write /a: the file system is read-only"],
  ["no permission", refused("EACCES", -13, "mkdir"), "cannot make /a: permission denied"],
  ["what Node has words for", refused("EIO", -5, "read"), "cannot read /a: i/o error"],
])("a system error is a sentence: %s", (_, error, sentence) => {
  expect(resourceFailure(error)).toMatchObject({ message: sentence, kind: "failed", hint: expect.any(String) });
});

it("an error that is no answer of the system is a bug", () => {
  expect(resourceFailure(new TypeError("x"))).toBeUndefined();
  expect(resourceFailure(thrownBy(() => readFileSync("a\0b")))).toBeUndefined();
  expect(systemCause(new TypeError("x is not a function"))).toBe("x is not a function");
});

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
