import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { declaredLicenses, parseCopyright } from "../../../src/packages/apt/copyright.ts";
import { openDirectoryRoot } from "../../../src/system/root.ts";

const format = "Format: https://example.org/copyright-format/1.0/";

describe("a copyright file", () => {
  it("declares the licences of all its files, each once, and not those that are only quoted", () => {
    const text = `${format}
Source: https://example.org/served

Files: *
Copyright: 2004-2022 by Somebody
License: MPL-2.0

Files: debian/*
Copyright: 2022 Somebody else
License: MPL-2.0

Files: debian/list.8
Copyright: 2008 A third
License: GPL-2
 Some text.

License: MPL-2.0
 See the file.

License: GPL-3
 Quoted and used nowhere.
`;
    expect(parseCopyright(text)).toEqual(["MPL-2.0", "GPL-2"]);
  });

  it.each([
    ["in prose", "This is the Debian prepackaged version of served.\n\nLicense: GPL-2\n"],
    ["without a licence", `${format}\n\nFiles: *\nCopyright: somebody\n`],
    ["that is empty", ""],
  ])("%s declares nothing that a machine can read", (_, text) => {
    expect(parseCopyright(text)).toEqual([]);
  });
});

describe("a package's copyright file", () => {
  let directory: string;
  const documents = () => path.join(directory, "usr/share/doc");
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "copyright-test-"));
    mkdirSync(path.join(documents(), "served"), { recursive: true });
    writeFileSync(path.join(documents(), "served/copyright"), `${format}\n\nFiles: *\nLicense: ISC\n`);
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const license = (name: string) => declaredLicenses(openDirectoryRoot(directory), name);

  it("is read", () => expect(license("served")).toEqual(["ISC"]));

  it("is read where the package's documents are those of another one that is in hand", () => {
    symlinkSync("served", path.join(documents(), "served-common"));
    expect(license("served-common")).toEqual(["ISC"]);
  });

  it("says nothing where the documents are those of a package that is not in hand", () => {
    symlinkSync("absent", path.join(documents(), "served-extra"));
    expect(license("served-extra")).toEqual([]);
  });

  it("says nothing where there is none", () => expect(license("absent")).toEqual([]));
});
