import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { visible, visibleLine, visibleLines, withShortLines } from "../../src/system/visible.ts";

describe("text of others", () => {
  it.each([
    ["an escape sequence", "\u001b[31mred\u001b[0m", "\\x1b[31mred\\x1b[0m"],
    ["a title of the terminal", "\u001b]0;mine\u0007", "\\x1b]0;mine\\x07"],
    ["an escape sequence of one byte", "\u009b31m", "\\x9b31m"],
    ["a carriage return that hides what was before", "bad\rgood", "bad\\x0dgood"],
    ["a backspace", "a\bb", "a\\x08b"],
    ["a change of direction", "lib\u202egnp.so", "lib\\u202egnp.so"],
    ["an isolate", "\u2066x\u2069", "\\u2066x\\u2069"],
    ["no width", "a\u200bb\ufeff", "a\\u200bb\\ufeff"],
    ["another line break", "a\u2028b\u0085", "a\\u2028b\\x85"],
    ["a tag", "a\u{e0041}", "a\\u{e0041}"],
    ["half a pair", "a\ud800", "a\\ud800"],
    ["nothing to hide", "Größe 3 – naïve 日本語 🙂\tx\ny", "Größe 3 – naïve 日本語 🙂\tx\ny"],
  ])("is harmless: %s", (_, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it("stays on its line where it is part of one", () => {
    expect(visibleLine("a\nerror: b")).toBe("a\\nerror: b");
    expect(visibleLines(["one", "two\nhint: three"])).toBe("one\ntwo\\nhint: three");
  });

  it("has nothing that a terminal acts upon, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(visible(text)).not.toMatch(/[^\P{C}\n\t\p{Cn}\p{Co}]/u);
        expect(visible(visible(text))).toBe(visible(text));
        expect(visibleLine(text)).not.toContain("\n");
      }),
    );
  }, 300_000);

  it("is short enough to be read", () => {
    const name = "x".repeat(100_000);
    const text = withShortLines(`cannot read ${name}: why\nnext`);
    expect(text.length).toBeLessThan(10_000);
    expect(text).toMatch(/^cannot read x+ \[\d+ characters left out\] x+: why\nnext$/);
  });

  it("has its paths whole", () => {
    const path = `/${"d".repeat(4094)}`;
    expect(withShortLines(path)).toBe(path);
  });
});
