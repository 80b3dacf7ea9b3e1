/** A 64-bit little-endian library that needs these names. */
export function library(soname: string, needed: readonly string[]): Buffer {
  const strings = Buffer.from(`\0${[soname, ...needed].join("\0")}\0`);
  const entries: (readonly [number, number])[] = [[14, 1]];
  let at = soname.length + 2;
  for (const name of needed) {
    entries.push([1, at]);
    at += name.length + 1;
  }
  const dynamic = 64 + 2 * 56;
  const start = dynamic + (entries.length + 3) * 16;
  const bytes = Buffer.concat([Buffer.alloc(start), strings]);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  for (const [value, offset] of [
    [3, 16],
    [62, 18],
    [56, 54],
    [2, 56],
  ] as const)
    bytes.writeUInt16LE(value, offset);
  bytes.writeUInt32LE(64, 32);
  for (const [index, type, offset, size] of [
    [0, 1, 0, bytes.length],
    [1, 2, dynamic, start - dynamic],
  ] as const) {
    bytes.writeUInt32LE(type, 64 + index * 56);
    for (const [value, field] of [
      [offset, 8],
      [offset, 16],
      [size, 32],
    ] as const)
      bytes.writeUInt32LE(value, 64 + index * 56 + field);
  }
  for (const [index, [tag, value]] of [...entries, [5, start] as const, [10, strings.length] as const].entries()) {
    bytes.writeUInt32LE(tag, dynamic + index * 16);
    bytes.writeUInt32LE(value, dynamic + index * 16 + 8);
  }
  return bytes;
}
