import { hasWildcard } from "../system/glob.ts";

/** A word of a shell script: what it stands for, undefined if that is only known when the script runs. */
export type Word = string | undefined;

interface Loop {
  readonly variable: string;
  readonly values: readonly string[];
}

const mostCommands = 10_000;

/**
 * The simple commands of a POSIX shell script, each as its words, read and not run (Shell Command Language, POSIX.1-2017 2.2 and 2.9).
 * Conditions are not weighed. Quotes, continued lines and comments are understood, and so are variables that have one literal value in the
 * whole script, and `for` loops over literal words: a command in one is there once for each. Any other word is undefined.
 */
export function commandsOf(script: string): readonly (readonly Word[])[] {
  const raw = rawCommands(script);
  const variables = literalVariables(raw);
  const loops: (Loop | undefined)[] = [];
  const commands: (readonly Word[])[] = [];
  for (const words of raw.map(withoutKeywords)) {
    const [first, variable, , ...list] = words;
    if (first === "for" && variable !== undefined) {
      const values = list.flatMap((word) => expand(word, variables, [])).filter((value) => value !== undefined);
      loops.push({ variable, values });
    } else if (first === "while" || first === "until") loops.push(undefined);
    else if (first === "done") loops.pop();
    else commands.push(...expandAll(words, variables, loops));
    if (commands.length > mostCommands) break;
  }
  return commands.filter((words) => words.length > 0);
}

const keywords = new Set(["if", "then", "else", "elif", "do", "!", "{", "time"]);

function withoutKeywords(words: readonly string[]): readonly string[] {
  const start = words.findIndex((word) => !keywords.has(word));
  return start < 0 ? [] : words.slice(start);
}

/** The command once for each value of the innermost loop whose variable it uses. */
function expandAll(
  words: readonly string[],
  variables: ReadonlyMap<string, Word>,
  loops: readonly (Loop | undefined)[],
): readonly (readonly Word[])[] {
  const used = loops.findLast((loop) => loop !== undefined && words.some((word) => uses(word, loop.variable)));
  if (used === undefined) return [words.flatMap((word) => expand(word, variables, loops))];
  const rest = loops.filter((loop) => loop !== used);
  return used.values.flatMap((value) => {
    const inside = new Map([...variables, [used.variable, value] as const]);
    return expandAll(words, inside, rest);
  });
}

const variableUse = /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g;

function uses(word: string, variable: string): boolean {
  return [...word.matchAll(variableUse)].some(([, braced, bare]) => (braced ?? bare) === variable);
}

/** A raw word as the shell would have it: its quotes removed, its variables replaced, split where that is not quoted. */
function expand(
  word: string,
  variables: ReadonlyMap<string, Word>,
  loops: readonly (Loop | undefined)[],
): readonly Word[] {
  let text = "";
  let isKnown = true;
  let splits = false;
  for (const [part, single, double, escaped] of word.matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|[^'"\\]+|./gs)) {
    if (single !== undefined) text += single;
    else if (escaped !== undefined) text += escaped;
    else {
      const replaced = (double ?? part).replace(
        variableUse,
        (_, braced: string | undefined, bare: string | undefined) => {
          const name = braced ?? bare ?? "";
          const value = loops.some((loop) => loop?.variable === name) ? undefined : variables.get(name);
          isKnown &&= value !== undefined;
          splits ||= double === undefined;
          return value ?? "";
        },
      );
      if (/[$`]/.test(replaced) || (double === undefined && hasWildcard(replaced))) isKnown = false;
      text += double === undefined ? replaced : replaced.replace(/\\([$`"\\])/g, "$1");
    }
  }
  if (!isKnown) return [undefined];
  return splits ? text.split(/\s+/).filter((each) => each !== "") : [text];
}

/** Variables that only ever have one value, which is literal. */
function literalVariables(commands: readonly (readonly string[])[]): ReadonlyMap<string, Word> {
  const variables = new Map<string, Word>();
  for (const words of commands.map(withoutKeywords)) {
    const isAssignment = words.every((word) => /^[A-Za-z_]\w*=/.test(word));
    const others = ["unset", "read", "export", "local", "readonly"].includes(words[0] ?? "") ? words.slice(1) : [];
    for (const word of isAssignment ? words : others) {
      const [, name = "", value] = /^([A-Za-z_]\w*)(?:=(.*))?$/s.exec(word) ?? [];
      if (value === undefined && words[0] !== "unset" && words[0] !== "read") continue;
      const known = value === undefined ? [undefined] : expand(value, variables, []);
      const literal = known.includes(undefined) ? undefined : known.join(" ");
      variables.set(name, variables.has(name) && variables.get(name) !== literal ? undefined : literal);
    }
  }
  return variables;
}

/** Words as written, a list for each command; here-documents are left out. */
function rawCommands(script: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  const text = script.replace(/\\\r?\n/g, "");
  const token =
    /(?<space>[ \t\r]+)|(?<comment>#[^\n]*)|(?<here><<-?[ \t]*(['"\\]?)(?<end>\w+)\4?[^\n]*)|(?<word>(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|\$\{[^}\n]{0,500}\}|\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|[^\s;&|()`'"\\])+)|(?<separator>[\n;&|()])|./gsy;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const { word, here, end, separator } = match.groups ?? {};
    if (word !== undefined) commands.at(-1)?.push(word);
    else if (separator !== undefined) commands.push([]);
    else if (here !== undefined) {
      const close = new RegExp(`\\n\\t*${end}(?=\\n|$)`, "g");
      close.lastIndex = token.lastIndex;
      token.lastIndex = close.test(text) ? close.lastIndex : text.length;
      commands.push([]);
    }
  }
  return commands.filter((words) => words.length > 0);
}
