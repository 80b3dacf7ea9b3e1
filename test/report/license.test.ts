import fc from "fast-check";
import exceptionNames from "spdx-exceptions/index.json" with { type: "json" };
import parseExpression from "spdx-expression-parse";
import licenseNames from "spdx-license-ids/index.json" with { type: "json" };
import { expect, it } from "vitest";
import { licenseExpression } from "../../src/report/license.ts";

it.each([
  ["a name of SPDX in any case", "mpl-2.0", "MPL-2.0"],
  ["a short name of Debian", "Expat", "MIT"],
  ["this version only", "GPL-2", "GPL-2.0-only"],
  ["or any later one", "LGPL-2.1+", "LGPL-2.1-or-later"],
  ["no invariant sections", "GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"],
  ["Fedora's older words", "GPLv2+ and MIT", "GPL-2.0-or-later AND MIT"],
  ["and binds closer than or", "MIT or ISC and Zlib", "MIT OR (ISC AND Zlib)"],
  ["a comma ends both", "GPL-1+ or Artistic, and Expat", "(GPL-1.0-or-later OR Artistic-1.0) AND MIT"],
  ["an exception", "GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note"],
  ["an exception in one word", "GPL-3+-with-bison-exception", "GPL-3.0-or-later WITH Bison-exception-2.2"],
  [
    "an exception that SPDX does not know",
    "GPL-2+ with Autoconf exception",
    "LicenseRef-GPL-2-or-later-with-Autoconf-exception",
  ],
  ["a name that SPDX does not know", "BSD-3-clause-JANET", "LicenseRef-BSD-3-clause-JANET"],
  ["two words", "Public Domain", "LicenseRef-Public-Domain"],
  ["the same twice", "MIT and Expat", "MIT"],
  [
    "SPDX's own expression",
    "LGPL-2.1-or-later AND (MIT OR Apache-2.0 WITH LLVM-exception)",
    "LGPL-2.1-or-later AND (MIT OR Apache-2.0 WITH LLVM-exception)",
  ],
  ["prose", "Permission to use, copy, modify, and distribute this", undefined],
  ["a long sentence", "do with it whatever you like to do", undefined],
  ["an open parenthesis", "(MIT or ISC", undefined],
  ["an operator without operand", "MIT and", undefined],
  ["nothing", "", undefined],
  ["a hundred thousand open parentheses", "(".repeat(100_000), undefined],
  ["a thousand pairs of parentheses", `${"(".repeat(1000)}MIT${")".repeat(1000)}`, undefined],
  ["parentheses side by side", Array(100).fill("(MIT or ISC)").join(" and "), "MIT OR ISC"],
  ["a name of megabytes", "x".repeat(4_000_000), undefined],
])("%s: %.40s", (_, field, expression) => {
  expect(licenseExpression([field])).toBe(expression);
});

it("the result is the same expression when it is read again", () => {
  const expression = licenseExpression(["GPL-1+ or Artistic", "GPL-2+ with Autoconf exception"]);
  expect(licenseExpression([expression ?? ""])).toBe(expression);
});

it("every name in an expression is one of SPDX or a reference", () => {
  const fields = [
    "GPL-1",
    "GPL-2+",
    "LGPL-2",
    "LGPL-3+",
    "AGPL-3",
    "GFDL-1.2",
    "CC0",
    "OpenLDAP-2.8",
    "BSL",
    "ASL 2.0",
  ];
  const known = new Set([...licenseNames, ...exceptionNames]);
  const names = fields.flatMap((field) => licenseExpression([field])?.split(/ (?:AND|OR|WITH) /) ?? ["?"]);
  expect(names.filter((name) => !known.has(name) && !name.startsWith("LicenseRef-"))).toEqual([]);
});

it.each([
  ["all of them, each once", ["MPL-2.0", "GPL-2 or Expat", "mpl-2.0"], "MPL-2.0 AND (GPL-2.0-only OR MIT)"],
  ["none", [], undefined],
  ["one in prose", ["MPL-2.0", "see the file, please"], undefined],
])("several fields: %s", (_, fields, expression) => expect(licenseExpression(fields)).toBe(expression));

it("fields that no person could read are no expression", () => {
  expect(licenseExpression(Array.from({ length: 10_000 }, (_, index) => `own-${index}`))).toBeUndefined();
});

it("a parser of SPDX reads every expression, whatever the fields were", () => {
  const word = fc.constantFrom(
    ...["GPL-2+", "Expat", "Artistic", "BSL", "and", "or", "with", ",", "(", ")", "GPL-2.0+", "LLVM-exception"],
    ...["Public", "domain", "GPL-3+-with-autoconf-exception", "MIT+", "LicenseRef-x", "-", "+", "GFDL-NIV-1.3+"],
  );
  const field = fc.array(word, { maxLength: 9 }).map((words) => words.join(" "));
  fc.assert(
    fc.property(fc.array(field, { maxLength: 3 }), (fields) => {
      const expression = licenseExpression(fields);
      if (expression !== undefined) parseExpression(expression);
    }),
    { numRuns: 3000 },
  );
});
