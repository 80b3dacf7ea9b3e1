import { describe, expect, it } from "vitest";
import { ablate, coverageOf, type Removable, spareTogether, type TryWithout } from "../../src/proof/ablation.ts";

/** An image whose checks fail exactly when one of these sets is missing as a whole. */
function oracle(needs: readonly (readonly string[])[]): { tryWithout: TryWithout; trials: string[] } {
  const trials: string[] = [];
  const tryWithout: TryWithout = async (paths) => {
    trials.push(paths.join(" "));
    const lost = needs.filter((need) => need.every((path) => paths.includes(path)));
    return { failed: lost.map((need) => ({ check: "it serves", because: `no ${need.join(" and no ")}` })) };
  };
  return { tryWithout, trials };
}

const candidates = (vouched: string, suspect: string): readonly Removable[] => [
  ...vouched.split(" ").flatMap((path) => (path === "" ? [] : [{ path, isVouchedFor: true }])),
  ...suspect.split(" ").flatMap((path) => (path === "" ? [] : [{ path, isVouchedFor: false }])),
];

describe("ablation", () => {
  it("spends one trial on a group that nothing needs, however large", async () => {
    const { tryWithout, trials } = oracle([["/a"]]);
    const found = await ablate(candidates("/a", "/b /c /d /e /f /g /h /i"), tryWithout);
    expect(trials).toEqual(["/a", "/b /c /d /e /f /g /h /i"]);
    expect([...found].filter(([, failed]) => failed.length === 0)).toHaveLength(8);
    expect(found.get("/a")).toEqual([{ check: "it serves", because: "no /a" }]);
  });

  it("splits a group until it has found what is needed in it", async () => {
    const { tryWithout, trials } = oracle([["/e"]]);
    const found = await ablate(candidates("", "/a /b /c /d /e /f /g /h"), tryWithout);
    expect([...found].flatMap(([path, failed]) => (failed.length > 0 ? [path] : []))).toEqual(["/e"]);
    expect(trials).toHaveLength(7);
  });

  it("tries what is vouched for one by one, for that is most likely needed", async () => {
    const { tryWithout, trials } = oracle([["/a"], ["/b"], ["/c"]]);
    await ablate(candidates("/a /b /c", ""), tryWithout);
    expect(trials.sort()).toEqual(["/a", "/b", "/c"]);
  });

  it("asks for every failing check only where the verdict is about one entry", async () => {
    const asked: [string, boolean][] = [];
    await ablate(candidates("/a", "/b /c"), async (paths, thorough) => {
      asked.push([paths.join(" "), thorough]);
      return { failed: [{ check: "it serves", because: "" }] };
    });
    expect(asked.sort()).toEqual([
      ["/a", true],
      ["/b /c", false],
      ["/b", true],
      ["/c", true],
    ]);
  });

  it("gives the same verdicts as trying each entry, for any set of needed ones", async () => {
    const paths = ["/a", "/b", "/c", "/d", "/e"];
    for (let bits = 0; bits < 32; bits++) {
      const needed = paths.filter((_, index) => (bits >> index) & 1);
      const { tryWithout } = oracle(needed.map((path) => [path]));
      const found = await ablate(candidates("", paths.join(" ")), tryWithout);
      expect(paths.filter((path) => found.get(path)!.length > 0)).toEqual(needed);
    }
  });
});

describe("what can be spared together", () => {
  it("is everything where one trial says so", async () => {
    const { tryWithout, trials } = oracle([]);
    expect(await spareTogether(["/a", "/b"], tryWithout)).toEqual(["/a", "/b"]);
    expect(trials).toHaveLength(1);
  });

  it("leaves one of two that stand in for each other", async () => {
    const { tryWithout } = oracle([["/a", "/b"]]);
    expect(await spareTogether(["/a", "/b", "/c"], tryWithout)).toEqual(["/a", "/c"]);
  });
});

describe("a check's worth", () => {
  const found = new Map([
    ["/program", [failing("reads"), failing("serves")]],
    ["/leases", [failing("serves")]],
    ["/readme", []],
  ]);

  it("is in what it fails without and no other check does", () => {
    expect(coverageOf(["reads", "serves", "never"], found)).toEqual([
      { check: "reads", failsWithout: 1, weakness: "'serves' fails wherever it does" },
      { check: "serves", failsWithout: 2 },
      { check: "never", failsWithout: 0, weakness: "it passes whatever is missing" },
    ]);
  });

  it("is counted once where two checks are worth the same", () => {
    const [first, second] = coverageOf(["a", "b"], new Map([["/x", [failing("a"), failing("b")]]]));
    expect([first!.weakness, second!.weakness]).toEqual([undefined, "'a' fails wherever it does"]);
  });
});

function failing(check: string) {
  return { check, because: "it ended" };
}
