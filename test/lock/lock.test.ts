import { describe, expect, it } from "vitest";
import { differenceTable, lockDifferences, releaseText } from "../../src/lock/lock.ts";

const hash = (letter: string) => letter.repeat(64);
const one = (name: string, version: string, letter = "a") => ({ name, version, sha256: hash(letter) });

describe("the difference of two sets of packages", () => {
  it.each([
    [
      "is none where they are the same in another order",
      [one("a", "1"), one("b", "2")],
      [one("b", "2"), one("a", "1")],
      [],
    ],
    ["has another version", [one("a", "1", "a")], [one("a", "2", "b")], [{ package: "a", locked: "1", found: "2" }]],
    ["has what is new", [], [one("a", "1")], [{ package: "a", locked: undefined, found: "1" }]],
    ["has what is gone", [one("a", "1")], [], [{ package: "a", locked: "1", found: undefined }]],
    [
      "tells another file of the same version by its hash",
      [one("a", "1", "a")],
      [one("a", "1", "b")],
      [{ package: "a", locked: `1 (SHA-256 ${hash("a")})`, found: `1 (SHA-256 ${hash("b")})` }],
    ],
  ])("%s", (_, locked, found, differences) => {
    expect(lockDifferences(locked, found)).toEqual(differences);
  });

  it("is a table for people", () => {
    const differences = lockDifferences(
      [one("libc6", "2.36-9"), one("gone", "1")],
      [one("libc6", "2.36-10", "b"), one("a-longer-name", "3")],
    );
    expect(differenceTable(differences).split("\n")).toEqual([
      "package        locked  found",
      "a-longer-name  -       3",
      "gone           1       -",
      "libc6          2.36-9  2.36-10",
    ]);
  });
});

it("a release is named as os-release(5) has it", () => {
  expect(releaseText({ id: "debian", version: "12" })).toBe("debian 12");
  expect(releaseText(undefined)).toBe("unknown");
});
