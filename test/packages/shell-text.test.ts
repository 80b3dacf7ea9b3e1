import { expect, test } from "vitest";
import { commandsOf } from "../../src/packages/shell-text.ts";

test.each([
  ["words and quotes", `say 'one two' "three four" fi\\ ve`, [["say", "one two", "three four", "fi ve"]]],
  [
    "continued lines",
    "say one \\\n  two\nsay three",
    [
      ["say", "one", "two"],
      ["say", "three"],
    ],
  ],
  ["comments, not hashes in words", "# say one\nsay two#three # four", [["say", "two#three"]]],
  [
    "several commands in a line",
    "one; two && three || four & five | six",
    ["one", "two", "three", "four", "five", "six"].map((word) => [word]),
  ],
  [
    "conditions and cases",
    'if [ "$1" = x ]; then\n say one\nfi\ncase y in z) say two ;; esac',
    [["[", undefined, "=", "x", "]"], ["say", "one"], ["fi"], ["case", "y", "in", "z"], ["say", "two"], ["esac"]],
  ],
  [
    "variables with one value",
    `base=/opt/x\nsay $base/bin $base'/s' "$base" $${"{base}"}`,
    [["base=/opt/x"], ["say", "/opt/x/bin", "/opt/x/s", "/opt/x", "/opt/x"]],
  ],
  ["variables of variables", "a=/opt\nb=$a/x\nsay $b", [["a=/opt"], ["b=/opt/x"], ["say", "/opt/x"]]],
  [
    "a variable that is split",
    "list='one two'\nsay $list \"$list\"",
    [["list=one two"], ["say", "one", "two", "one two"]],
  ],
  [
    "a variable with two values is not guessed",
    "if x; then a=1; else a=2; fi; say $a",
    [["x"], ["a=1"], ["a=2"], ["fi"], ["say", undefined]],
  ],
  [
    "what is computed is not guessed",
    "say $(uname -m) `date` $1 /usr/*",
    [["say", undefined, undefined, undefined, undefined]],
  ],
  ["single quotes keep a dollar", "say '$a' '`x`'", [["say", "$a", "`x`"]]],
  [
    "a loop over literal words",
    "for i in one two; do say /bin/$i; done; say $i",
    [
      ["say", "/bin/one"],
      ["say", "/bin/two"],
      ["say", undefined],
    ],
  ],
  [
    "a loop over a variable",
    "tools='java keytool'\nfor i in $tools\ndo\n  say $i\ndone",
    [["tools=java keytool"], ["say", "java"], ["say", "keytool"]],
  ],
  [
    "a loop in a loop",
    "for i in a b; do for j in c d; do say $i$j; done; done",
    [
      ["say", "ac"],
      ["say", "bc"],
      ["say", "ad"],
      ["say", "bd"],
    ],
  ],
  ["a loop whose words are computed", "for i in $(ls); do say $i; done", []],
  [
    "here-documents",
    "cat <<EOF\nsay one\nEOF\nsay two\ncat <<-'END'\n\tsay three\n\tEND\nsay four",
    [["cat"], ["say", "two"], ["cat"], ["say", "four"]],
  ],
  ["an open quote", "say 'one", [["say", "one"]]],
])("%s", (_, script, commands) => {
  expect(commandsOf(script)).toEqual(commands);
});

test.each([["$("], ["'"], ['"'], ["`"], ["$" + "{"], ["<<E\n"], ["for i in a b; do "], ["\\"], ["(("]])(
  "a script full of %j takes time in proportion",
  (part) => {
    const time = (count: number) => {
      const started = performance.now();
      commandsOf(part.repeat(count));
      return performance.now() - started;
    };
    time(100);
    expect(time(20_000)).toBeLessThan(100 * time(2_000) + 1000);
  },
);
