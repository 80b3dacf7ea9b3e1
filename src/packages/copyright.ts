import { locate, type Root } from "../system/root.ts";
import { allOf } from "./license.ts";

/** Larger ones exist nowhere in Debian; in bytes. */
const mostBytes = 4 * 1024 * 1024;

/**
 * The licences that a Debian package declares, as an SPDX expression, from its copyright file. undefined where that is prose, or a link into
 * a package that is not in hand.
 */
export function declaredLicense(root: Root, packageName: string): string | undefined {
  const place = locate(root, `/usr/share/doc/${packageName}/copyright`);
  if (place?.entry.kind !== "file" || place.entry.size > mostBytes) return undefined;
  return parseCopyright(Buffer.from(root.read(place.path, 0, place.entry.size)).toString("utf8"));
}

/**
 * The licences of a copyright file in Debian's machine-readable format (DEP 5, copyright-format 1.0): those of its header and of its
 * Files paragraphs, all together.
 */
export function parseCopyright(text: string): string | undefined {
  const [header = "", ...paragraphs] = text
    .replaceAll("\r\n", "\n")
    .trim()
    .split(/\n[ \t]*\n/);
  if (!/^Format(?:-Specification)?:.*copyright-format|^Format(?:-Specification)?:.*dep5/im.test(header))
    return undefined;
  const ofFiles = paragraphs.filter((paragraph) => /^Files:/im.test(paragraph));
  return allOf([header, ...ofFiles].flatMap((paragraph) => synopsisOf(paragraph) ?? []));
}

/** The first line of the License field: short names, the text comes below. */
function synopsisOf(paragraph: string): string | undefined {
  const synopsis = /^License:[ \t]*(.*)$/im.exec(paragraph)?.[1]?.trim();
  return synopsis === "" ? undefined : synopsis;
}
