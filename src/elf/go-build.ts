import type { Bytes, Encoding } from "./bytes.ts";
import type { Section, Segment } from "./header.ts";
import { segmentType } from "./header.ts";

/** A module that was linked into a Go program. */
export interface GoModule {
  readonly path: string;
  /** `v1.2.3`; undefined for what was built from a working directory. */
  readonly version: string | undefined;
  /** Of its files, as go.sum has it: `h1:...`. */
  readonly sum: string | undefined;
}

/** What a Go program carries about its making. */
export interface GoBuild {
  /** Of the compiler, with whose standard library every program is linked: `go1.22.1`. */
  readonly goVersion: string;
  /** The program's own module first; undefined where it was built without modules. */
  readonly modules: readonly GoModule[] | undefined;
  /** `CGO_ENABLED` and others. */
  readonly settings: ReadonlyMap<string, string>;
}

const magic = Buffer.from("\xff Go buildinf:", "latin1");
/** Of the header that begins with the magic number, whose address is a multiple of `alignment`. */
const headerBytes = 32;
const alignment = 16;
/** How far the header is looked for where no section names its place. */
const mostSearched = 1024 * 1024;
/** The largest program has some hundred kilobytes. */
const mostText = 8 * 1024 * 1024;
const mostModules = 20_000;

interface Program {
  readonly bytes: Bytes;
  readonly encoding: Encoding;
  readonly segments: readonly Segment[];
  section(name: string): Section | undefined;
}

/**
 * The build information of a Go program, as `go version -m` reads it (Go's package debug/buildinfo): in the section `.go.buildinfo` or at the
 * beginning of the data segment. Go 1.18 and later have the texts behind the header, earlier ones pointers to them. undefined for any
 * other program. Throws ElfError where it leads out of the file.
 */
export function readGoBuild(program: Program): GoBuild | undefined {
  const header = findHeader(program);
  if (header === undefined) return undefined;
  const { bytes } = program;
  const flags = bytes.raw(header, headerBytes, "Go's build information")[15] ?? 0;
  const [version, text] = (flags & 2) === 2 ? inlineTexts(header + headerBytes, bytes) : pointedTexts(header, program);
  return version === undefined || text === undefined ? undefined : parseBuild(version.toString("utf8"), text);
}

function findHeader({ bytes, segments, section }: Program): number | undefined {
  const named = section(".go.buildinfo");
  const data = segments.find(({ type, flags }) => type === segmentType.load && (flags & 3) === 2);
  const area = named ?? data;
  if (area === undefined) return undefined;
  const raw = bytes.raw(area.offset, Math.min(area.size, mostSearched), "Go's build information");
  for (let at = raw.indexOf(magic); at >= 0; at = raw.indexOf(magic, at + 1)) {
    if (at % alignment === 0 && at + headerBytes <= raw.length) return area.offset + at;
  }
  return undefined;
}

type Texts = readonly [version: Buffer | undefined, modules: Buffer | undefined];

/** Each text after its length as an unsigned LEB128 number. */
function inlineTexts(start: number, bytes: Bytes): Texts {
  let position = start;
  const next = (): Buffer | undefined => {
    let length = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes.raw(position++, 1, "the length of Go's build information")[0] ?? 0;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (length > mostText) return undefined;
    const text = bytes.raw(position, length, "Go's build information");
    position += length;
    return text;
  };
  const version = next();
  return [version, version === undefined ? undefined : next()];
}

/** The header has two addresses of Go strings, each of which is an address and a length. */
function pointedTexts(header: number, { bytes, encoding, segments }: Program): Texts {
  const size = encoding.wide ? 8 : 4;
  const pair = (position: number) => {
    const part = bytes.part(position, 2 * size, encoding, "Go's build information");
    return [part.address(0), part.address(size)] as const;
  };
  const offsetOf = (address: number) => {
    const found = segments.find(
      (each) => each.type === segmentType.load && address >= each.address && address < each.address + each.size,
    );
    return found === undefined ? undefined : found.offset + (address - found.address);
  };
  const text = (pointer: number) => {
    const string = offsetOf(pointer);
    if (string === undefined) return undefined;
    const [address, length] = pair(string);
    const start = offsetOf(address);
    if (length === 0) return Buffer.alloc(0);
    return start === undefined || length > mostText ? undefined : bytes.raw(start, length, "Go's build information");
  };
  const [version, modules] = pair(header + alignment);
  return [text(version), text(modules)];
}

/** Sixteen bytes stand before and after the lines, by which the linker finds them again. */
const frame = 16;

/** Lines of words with tabs between them, in the order of Go's debug.BuildInfo: path, mod, dep, =>, build. */
function parseBuild(version: string, framed: Buffer): GoBuild {
  const isFramed = framed.length > 2 * frame && framed[framed.length - frame - 1] === 0x0a;
  const text = isFramed ? framed.toString("utf8", frame, framed.length - frame) : "";
  const modules: GoModule[] = [];
  const settings = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [word, ...rest] = line.split("\t");
    if (word === "build") {
      const [name = "", value = ""] = rest.join("\t").split(/=(.*)/s);
      settings.set(name, value);
    } else if ((word === "mod" || word === "dep" || word === "=>") && modules.length < mostModules) {
      // A replacement is what was linked in place of the one before.
      if (word === "=>") modules.pop();
      const [path = "", number, sum] = rest;
      const isNumber = number !== undefined && number !== "" && number !== "(devel)";
      if (path !== "") modules.push({ path, version: isNumber ? number : undefined, sum: sum || undefined });
    }
  }
  return {
    goVersion: /^\S*/.exec(version)?.[0] ?? "",
    modules: /^mod\t/m.test(text) ? modules : undefined,
    settings,
  };
}
