/** What execve(2) makes of a file that begins with `#!`. */
export interface Shebang {
  /** As written; usually absolute. */
  readonly interpreter: string;
  /** Everything behind the interpreter, as one argument. */
  readonly argument?: string;
}

/** BINPRM_BUF_SIZE of Linux: the kernel reads no more of a script. */
export const shebangLimit = 256;

/** undefined where the bytes do not begin with `#!` and the name of a program. */
export function parseShebang(start: Uint8Array): Shebang | undefined {
  const text = Buffer.from(start.subarray(0, shebangLimit)).toString("utf8");
  if (!text.startsWith("#!")) return undefined;
  const line = (/^[^\n\0]*/.exec(text.slice(2))?.[0] ?? "").replace(/^[ \t]+|[ \t]+$/g, "");
  const match = /^([^ \t]+)(?:[ \t]+(.*))?$/.exec(line);
  if (match?.[1] === undefined) return undefined;
  return { interpreter: match[1], ...(match[2] === undefined ? {} : { argument: match[2] }) };
}

/**
 * The program that `env` starts when it is a script's interpreter: the first word of its argument that is neither an option nor
 * an assignment; with -S (--split-string) the argument is several words. undefined where there is none.
 */
export function programOfEnv({ interpreter, argument }: Shebang): string | undefined {
  if (argument === undefined || !/(^|\/)env$/.test(interpreter)) return undefined;
  const split = /^(?:-[a-zA-Z]*S|--split-string=)\s*/.exec(argument);
  const words = split === null ? [argument] : argument.slice(split[0].length).split(/\s+/);
  return words.map(unquoted).find((word) => word !== "" && !word.startsWith("-") && !word.includes("="));
}

function unquoted(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, "$2");
}
