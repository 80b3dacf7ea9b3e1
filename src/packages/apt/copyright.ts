import { locate, type Root } from "../../system/root.ts";

/** Larger ones exist nowhere in Debian; in bytes. */
const mostBytes = 4 * 1024 * 1024;

/**
 * The licences that a Debian package declares in its copyright file, in the words of DEP 5, all of them together. None where the file is
 * prose, or a link into a package that is not in hand.
 */
export function declaredLicenses(root: Root, packageName: string): readonly string[] {
  const place = locate(root, `/usr/share/doc/${packageName}/copyright`);
  if (place?.entry.kind !== "file" || place.entry.size > mostBytes) return [];
  return parseCopyright(Buffer.from(root.read(place.path, 0, place.entry.size)).toString("utf8"));
}

/** The licences of a copyright file in Debian's machine-readable format (DEP 5): those of its header and of its Files paragraphs. */
export function parseCopyright(text: string): readonly string[] {
  const [header = "", ...paragraphs] = text
    .replaceAll("\r\n", "\n")
    .trim()
    .split(/\n[ \t]*\n/);
  if (!/^Format(?:-Specification)?:.*(?:copyright-format|dep5)/im.test(header)) return [];
  const ofFiles = paragraphs.filter((paragraph) => /^Files:/im.test(paragraph));
  return [...new Set([header, ...ofFiles].flatMap((paragraph) => synopsisOf(paragraph) ?? []))];
}

/** The first line of the License field: short names, the text comes below. */
function synopsisOf(paragraph: string): string | undefined {
  const synopsis = /^License:[ \t]*(.*)$/im.exec(paragraph)?.[1]?.trim();
  return synopsis === "" ? undefined : synopsis;
}
