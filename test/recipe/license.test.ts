import exceptionNames from "spdx-exceptions/index.json" with { type: "json" };
import deprecatedNames from "spdx-license-ids/deprecated.json" with { type: "json" };
import licenseNames from "spdx-license-ids/index.json" with { type: "json" };
import { describe, expect, it } from "vitest";
import { licenseMistakes } from "../../src/recipe/license.ts";
import { parseRecipe } from "../../src/recipe/parse.ts";
import { withLine } from "./text.ts";

it.each([
  ...licenseNames,
  ...deprecatedNames,
  ...exceptionNames.map((name) => `GPL-2.0-only WITH ${name}`),
  "GPL-2.0+",
  "LicenseRef-unknown",
  "(MIT OR Apache-2.0) AND ISC",
  "LGPL-2.1-or-later AND (MIT OR Apache-2.0 WITH LLVM-exception)",
])("%s is a license expression", (expression) => {
  expect(licenseMistakes(expression)).toEqual([]);
});

const grammar = "must be an SPDX license expression such as MPL-2.0 or (MIT OR Apache-2.0) AND ISC";
it.each([
  ["GPL", ["`GPL` is no SPDX license; did you mean GPL-2.0-only?"]],
  ["GPLv2+", ["`GPLv2+` is no SPDX license; did you mean GPL-2.0-or-later?"]],
  ["LGPL-2.1-later", ["`LGPL-2.1-later` is no SPDX license; did you mean LGPL-2.1-or-later?"]],
  ["MPL-", ["`MPL-` is no SPDX license; did you mean MPL-2.0?"]],
  ["mit", ["`mit` is no SPDX license; did you mean MIT?"]],
  ["Apache2", ["`Apache2` is no SPDX license; did you mean Apache-2.0?"]],
  ["BSD", ["`BSD` is no SPDX license; did you mean BSD-3-Clause?"]],
  ["BSD-3-Clauze", ["`BSD-3-Clauze` is no SPDX license; did you mean BSD-3-Clause?"]],
  ["proprietary-of-us", ["`proprietary-of-us` is no SPDX license; name others LicenseRef-NAME"]],
  [
    "DocumentRef-other:LicenseRef-x",
    ["`DocumentRef-other:LicenseRef-x` is no SPDX license; name others LicenseRef-NAME"],
  ],
  [
    "MPL AND GPL",
    ["`MPL` is no SPDX license; did you mean MPL-2.0?", "`GPL` is no SPDX license; did you mean GPL-2.0-only?"],
  ],
  ["MIT or ISC", ["`or` is spelled OR in a license expression"]],
  [
    "GPL-2.0-only WITH LLVM-exceptions",
    ["`LLVM-exceptions` is no SPDX license exception; did you mean LLVM-exception?"],
  ],
  ["GPL-2.0-only WITH MIT", ["`MIT` is no SPDX license exception"]],
  ["MIT ISC", [grammar]],
  ["MIT AND", [grammar]],
  ["(MIT", [grammar]],
  ["MIT\tAND ISC", [grammar]],
  ["", [grammar]],
  ["(".repeat(10_000), [grammar]],
  [`${"(".repeat(8000)}MIT${")".repeat(8000)}`, [grammar]],
  ["MIT ".repeat(100_000), ["must have at most 16384 characters"]],
])("%.40s is none", (expression, mistakes) => {
  expect(licenseMistakes(expression)).toEqual(mistakes);
});

describe("in a recipe", () => {
  it("every mistake stands at the license's place", () => {
    expect(() => parseRecipe(withLine("license: MIT", "license: MPL- AND GPL"), "r.yaml")).toThrow(
      [
        "cannot use the recipe r.yaml: 2 mistakes",
        "r.yaml:3:10: license: `MPL-` is no SPDX license; did you mean MPL-2.0?",
        "r.yaml:3:10: license: `GPL` is no SPDX license; did you mean GPL-2.0-only?",
      ].join("\n"),
    );
  });
});
