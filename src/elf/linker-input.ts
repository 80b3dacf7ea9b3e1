/** How much of a file tells what it is; the scripts that distributions ship have some hundred bytes. */
export const linkerInputLimit = 4096;

/** Magic of ar(5). */
const archives = ["!<arch>\n", "!<thin>\n"];
const mostNamed = 3;

/**
 * What a file is that a linker reads and no loader, by its first bytes: a static archive, or a linker script, which distributions ship as
 * `libfoo.so` for development (<https://sourceware.org/binutils/docs/ld/File-Commands.html>), with the libraries that it names. undefined
 * for anything else.
 */
export function linkerInput(start: Uint8Array): string | undefined {
  const text = Buffer.from(start.subarray(0, linkerInputLimit)).toString("latin1");
  if (archives.some((magic) => text.startsWith(magic))) return "a static archive, which only a linker reads";
  if (!/^\s*(?:\/\*|INPUT|GROUP|OUTPUT_FORMAT)/.test(text)) return undefined;
  const commands = text.replaceAll(/\/\*.*?\*\//gs, " ").trimStart();
  if (!/^(?:INPUT|GROUP|OUTPUT_FORMAT)\s*\(/.test(commands)) return undefined;
  const names = [...commands.matchAll(/(?<![\w.+-])[\w.+-]+\.so(?:\.[\w.+-]*)?(?=[\s,)])/g)].map(([name]) => name);
  const named = [...new Set(names)].slice(0, mostNamed).join(" and ");
  return `a linker script, which only a linker reads${named === "" ? "" : `; it stands for ${named}`}`;
}
