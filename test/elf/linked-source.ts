import { deflateSync } from "node:zlib";

/** The C source of a program that has bytes in a section of its own, in a segment that can be written. */
export function linkedSource(name: string, section: string, content: Uint8Array): string {
  return `__attribute__((section("${section}"), used, aligned(16))) static char data[] = { ${[...content].join(",")} };
    int ${name}(void) { return data[0]; }`;
}

type Line = readonly [word: string, path: string, version: string, sum: string];

/** Go's lines about a program's modules, as `go version -m` prints them. */
export function goLines(modules: readonly Line[], settings: Readonly<Record<string, string>>): string {
  return [
    "path\texample.org/prog",
    ...modules.map((line) => line.join("\t")),
    ...Object.entries(settings).map(([key, value]) => `build\t${key}=${value}`),
    "",
  ].join("\n");
}

/** Go's build information as the linker of Go 1.18 and later writes it. */
export function goBuildInformation(version: string, lines: string): Buffer {
  const framed = Buffer.concat([
    Buffer.from("3077af0c9274080241e1c107e6d618e6", "hex"),
    Buffer.from(lines),
    Buffer.from("f932433186182072008242104116d8f2", "hex"),
  ]);
  const header = Buffer.alloc(32);
  header.write("\xff Go buildinf:", "latin1");
  header.writeUInt8(8, 14);
  header.writeUInt8(2, 15);
  return Buffer.concat([header, text(Buffer.from(version)), text(framed)]);
}

/** Its length as an unsigned LEB128 number, and the text. */
function text(bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 0x80) {
      length.push(rest);
      return Buffer.concat([Buffer.from(length), bytes]);
    }
    length.push((rest & 0x7f) | 0x80);
  }
}

/** What `cargo auditable` puts into the section `.dep-v0`. */
export function dependencyList(list: { readonly packages: readonly object[] }): Buffer {
  return deflateSync(JSON.stringify(list));
}
