import exceptionNames from "spdx-exceptions/index.json" with { type: "json" };
import parse from "spdx-expression-parse";
import deprecatedNames from "spdx-license-ids/deprecated.json" with { type: "json" };
import currentNames from "spdx-license-ids/index.json" with { type: "json" };
import { nearest } from "../system/nearest.ts";

/** In characters; the longest of a package in Fedora has about a quarter of it. */
const longest = 16_384;

const licenses: ReadonlySet<string> = new Set([...currentNames, ...deprecatedNames]);
const exceptions: ReadonlySet<string> = new Set(exceptionNames);

/** Of several identifiers that a shortened one can stand for, these are preferred, in this order. */
const preferred = [
  ...["MIT", "ISC", "Zlib", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "MPL-2.0", "EPL-2.0", "BSL-1.0"],
  ...["GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"],
  ...["LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"],
  ...["AGPL-3.0-only", "AGPL-3.0-or-later", "CC0-1.0", "Artistic-2.0", "PostgreSQL", "OpenSSL", "Python-2.0"],
];

/**
 * What keeps a text from being an SPDX license expression (SPDX 2.3, annex D), one sentence for each mistake. A reference into another
 * document (`DocumentRef-`) is one, because a bill of materials names no other document.
 */
export function licenseMistakes(expression: string): readonly string[] {
  if (expression.length > longest) return [`must have at most ${longest} characters`];
  const words = expression.match(/[^\s()]+/g) ?? [];
  const mistakes = words.flatMap((word, index) => wordMistake(word, words[index - 1] === "WITH") ?? []);
  return mistakes.length > 0 || isExpression(expression)
    ? [...new Set(mistakes)]
    : ["must be an SPDX license expression such as MPL-2.0 or (MIT OR Apache-2.0) AND ISC"];
}

function wordMistake(word: string, isException: boolean): string | undefined {
  if (/^(?:AND|OR|WITH)$/.test(word)) return undefined;
  if (/^(?:and|or|with)$/i.test(word)) return `\`${word}\` is spelled ${word.toUpperCase()} in a license expression`;
  if (isException) {
    if (exceptions.has(word)) return undefined;
    return `\`${word}\` is no SPDX license exception${question(nearest(word, exceptionNames))}`;
  }
  if (/^LicenseRef-[A-Za-z0-9.-]+$/.test(word) || licenses.has(word.replace(/\+$/, ""))) return undefined;
  const meant = likelyLicense(word);
  return `\`${word}\` is no SPDX license${meant === undefined ? "; name others LicenseRef-NAME" : question(meant)}`;
}

function question(meant: string | undefined): string {
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

/** `GPL`, `GPLv2+`, `Apache 2`, `mit`: the identifier that begins so, or else the nearest. */
function likelyLicense(word: string): string | undefined {
  const plain = plainForm(word.replace(/\+$/, "-or-later"));
  if (plain.length < 3) return nearest(word, currentNames);
  const dotted = plain.replace(/(\d)(?![\d.])/, "$1.0");
  const begins = (name: string) => [plain, dotted].some((form) => plainForm(name).startsWith(form));
  return preferred.find(begins) ?? currentNames.find(begins) ?? nearest(word, currentNames);
}

function plainForm(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]/g, "")
    .replaceAll(/v(?=\d)/g, "");
}

function isExpression(expression: string): boolean {
  // The parser looks over what stands before a name.
  if (!/^[A-Za-z0-9.+() -]*$/.test(expression)) return false;
  try {
    parse(expression);
    return true;
  } catch {
    // It goes down by recursion, and a RangeError of too many brackets says the same.
    return false;
  }
}
