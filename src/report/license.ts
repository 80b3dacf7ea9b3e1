import exceptionNames from "spdx-exceptions/index.json" with { type: "json" };
import licenseNames from "spdx-license-ids/index.json" with { type: "json" };

/** Short names of DEP 5 and of Fedora's older lists that are no SPDX names. GNU's licences follow a rule of their own below. */
const otherNames: Readonly<Record<string, string>> = {
  "apache-2": "Apache-2.0",
  artistic: "Artistic-1.0",
  asl: "Apache-2.0",
  "asl-2.0": "Apache-2.0",
  bsl: "BSL-1.0",
  cc0: "CC0-1.0",
  expat: "MIT",
  openldap: "OLDAP-2.8",
  "openldap-2.8": "OLDAP-2.8",
};

const otherExceptions: Readonly<Record<string, string>> = {
  bison: "Bison-exception-2.2",
  classpath: "Classpath-exception-2.0",
  font: "Font-exception-2.0",
  libtool: "Libtool-exception",
  "linux-syscall-note": "Linux-syscall-note",
  llvm: "LLVM-exception",
  texinfo: "Texinfo-exception",
};

const licenses = new Map(licenseNames.map((name) => [name.toLowerCase(), name]));
const exceptions = new Map(exceptionNames.map((name) => [name.toLowerCase(), name]));

type Expression = string | { readonly operator: "AND" | "OR"; readonly parts: readonly Expression[] };

/**
 * The licences of something that is under all of these at once, as an SPDX licence expression (SPDX 2.3, annex D). A field is in the words of
 * SPDX, of Debian's DEP 5 (`GPL-2+ or Artistic, and Expat`) or of Fedora; a name that SPDX does not know becomes `LicenseRef-<name>`.
 * undefined where there is no field, or one is prose, or no person could read it.
 */
export function licenseExpression(fields: readonly string[]): string | undefined {
  const parsed = fields.map(parse);
  const parts = parsed.filter((part) => part !== undefined);
  if (parts.length === 0 || parts.length < parsed.length) return undefined;
  const expression = print(join("AND", parts));
  return expression.length > longest ? undefined : expression;
}

/** More words than this in a row are no licence's name. */
const mostWords = 4;

/** In characters, of a field and of the whole expression; the longest of a package in Fedora has about a quarter of it. */
const longest = 16_384;

/** Of parentheses in parentheses; a person loses count before. */
const deepest = 32;

function parse(field: string): Expression | undefined {
  if (field.length > longest) return undefined;
  let depth = 0;
  const tokens = field.match(/[(),]|[^\s(),]+/g) ?? [];
  let position = 0;
  const next = () => tokens[position]?.toLowerCase();
  const isName = () => next() !== undefined && !/^(?:[(),]|and|or|with)$/.test(next() ?? "");

  function name(): string | undefined {
    const start = position;
    while (isName()) position++;
    return position === start || position - start > mostWords ? undefined : tokens.slice(start, position).join("-");
  }
  function term(): Expression | undefined {
    if (next() === "(") {
      if (++depth > deepest) return undefined;
      position++;
      const inner = whole();
      depth--;
      return tokens[position++] === ")" ? inner : undefined;
    }
    const license = name();
    if (license === undefined || next() !== "with") return license === undefined ? undefined : licenseName(license);
    position++;
    const exception = name();
    return exception === undefined ? undefined : withException(license, exception);
  }
  function series(operator: "AND" | "OR", operand: () => Expression | undefined): Expression | undefined {
    const parts = [operand()];
    while (next() === operator.toLowerCase()) {
      position++;
      parts.push(operand());
    }
    return joinIfWhole(operator, parts);
  }
  // "and" binds closer than "or", and a comma ends both.
  const clause = () => series("OR", () => series("AND", term));
  function whole(): Expression | undefined {
    let left = clause();
    while (next() === ",") {
      const operator = tokens[position + 1]?.toUpperCase();
      if (operator !== "AND" && operator !== "OR") return undefined;
      position += 2;
      left = joinIfWhole(operator, [left, clause()]);
    }
    return left;
  }
  const expression = whole();
  return position === tokens.length ? expression : undefined;
}

function joinIfWhole(operator: "AND" | "OR", parts: readonly (Expression | undefined)[]): Expression | undefined {
  const present = parts.filter((part) => part !== undefined);
  return present.length === parts.length ? join(operator, present) : undefined;
}

function join(operator: "AND" | "OR", parts: readonly Expression[]): Expression {
  const flat = parts.flatMap((part) => (typeof part === "object" && part.operator === operator ? part.parts : [part]));
  const distinct = [...new Map(flat.map((part) => [print(part), part])).values()];
  return distinct.length === 1 && distinct[0] !== undefined ? distinct[0] : { operator, parts: distinct };
}

function print(expression: Expression): string {
  if (typeof expression === "string") return expression;
  const parts = expression.parts.map((part) => (typeof part === "string" ? part : `(${print(part)})`));
  return parts.join(` ${expression.operator} `);
}

function licenseName(name: string): string {
  if (/^LicenseRef-[A-Za-z0-9.-]+$/.test(name)) return name;
  const [, license, exception] = /^(.+?)-with-(.+)$/i.exec(name) ?? [];
  return knownName(name) ?? (license && exception ? withException(license, exception) : reference(name));
}

function withException(license: string, exception: string): string {
  const known = knownName(license);
  const short = exception.toLowerCase().replace(/-exceptions?$/, "");
  const knownException = exceptions.get(exception.toLowerCase()) ?? otherExceptions[short];
  return known === undefined || knownException === undefined
    ? reference(`${license}-with-${exception}`)
    : `${known} WITH ${knownException}`;
}

function knownName(name: string): string | undefined {
  const small = name.toLowerCase();
  return licenses.get(small) ?? (Object.hasOwn(otherNames, small) ? otherNames[small] : undefined) ?? gnuName(name);
}

/** `GPL-2+`, `LGPLv2.1`, `GFDL-NIV-1.3+` (no invariant sections). */
function gnuName(name: string): string | undefined {
  const match = /^(GPL|LGPL|AGPL|GFDL)(-NIV)?(?:-|v)(\d+(?:\.\d+)?)(\+?)$/i.exec(name);
  if (match === null) return undefined;
  const [, family = "", invariants, version = "", later] = match;
  const dotted = version.includes(".") ? version : `${version}.${family.toUpperCase() === "GFDL" ? "1" : "0"}`;
  const variant = invariants === undefined ? "" : "-no-invariants";
  return licenses.get(`${family}-${dotted}${variant}-${later === "+" ? "or-later" : "only"}`.toLowerCase());
}

function reference(name: string): string {
  const plain = name.replaceAll("+", "-or-later").replaceAll(/[^A-Za-z0-9.]+/g, "-");
  return `LicenseRef-${plain.replaceAll(/^-+|-+$/g, "") || "unnamed"}`;
}
