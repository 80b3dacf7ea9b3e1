import { expect, it } from "vitest";
import { howItEnded } from "../../../src/proof/checks/service.ts";

// As podman 4.3, runc 1.1 and crun 1.8 print it.
it.each([
  [
    'Error: runc: runc create failed: unable to start container process: exec: "/x": stat /x: no such file or directory',
    127,
  ],
  [
    'level=error msg="runc run failed: unable to start container process: exec: \\"/x\\": stat /x: no such file or directory"',
    1,
  ],
  ["exec /x: no such file or directory", 1],
  ["exec /x: exec format error", 1],
  ["crun: executable file `/x` not found: No such file or directory", 127],
])("what the runtime could not execute cannot start: %s", (output, exitCode) => {
  expect(howItEnded({ exitCode, output })).toBe("cannot start");
});

it.each([
  ["cannot open /etc/x.conf: no such file or directory", 1, "ended with exit code 1"],
  ["executed /x: no such file or directory", 3, "ended with exit code 3"],
  ["exec /x: no such file or directory", 0, "ended with exit code 0"],
  ["", undefined, "was killed"],
])("a program that ran has ended: %j", (output, exitCode, end) => {
  expect(howItEnded({ exitCode, output })).toBe(end);
});
