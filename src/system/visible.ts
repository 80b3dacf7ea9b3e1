/**
 * What a terminal acts upon instead of showing it (ECMA-48), or what changes how the text around it looks: control and format characters
 * (Unicode categories Cc and Cf, which has the marks of bidirectional text), separators of lines, halves of surrogate pairs.
 */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A line has no more characters than this; a path has at most 4096 bytes (PATH_MAX of Linux). */
const longestLine = 8192;

/** The text with everything that a terminal would act upon written as an escape of JavaScript; lines and tabs stay. */
export function visible(text: string): string {
  return text.replaceAll(hidden, (found) => (found === "\n" || found === "\t" ? found : escaped(found)));
}

/** The text as `visible` shows it, on one line. */
export function visibleLine(text: string): string {
  return text.replaceAll(hidden, escaped);
}

/** Lines of a text that is printed: a line break inside of one comes from a name of others and is made visible. */
export function visibleLines(lines: readonly string[]): string {
  return lines.map(visibleLine).join("\n");
}

/** A text with the middle of its longest lines left out: a person reads it, and names of others may have any length. */
export function withShortLines(text: string): string {
  return text
    .split("\n")
    .map((line) => {
      if (line.length <= longestLine) return line;
      const half = longestLine / 2;
      return `${line.slice(0, half)} [${line.length - longestLine} characters left out] ${line.slice(-half)}`;
    })
    .join("\n");
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}
