import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { findUntrusted, keysNotImported } from "../../../src/packages/dnf/checksig.ts";

const fixtures = path.resolve(import.meta.dirname, "../../fixtures/dnf");
const captured = (name: string) => readFileSync(path.join(fixtures, name), "utf8");
/** rpm 4.18 says nothing on stderr. */
const outputOf = (version: string) => ({
  stdout: captured(`${version}/checksig-verbose.txt`),
  stderr: version === "rpm-6.1.0" ? captured(`${version}/checksig-verbose.stderr.txt`) : "",
});
const fileOf = (name: string) => `/tmp/k/${name}-1-1.fc44.noarch.rpm`;

describe.each([
  ["rpm-4.18.0", { good: "fa3c7173", other: "ad4145f2" }],
  ["rpm-6.1.0", { good: "13b2ab7f4b4a0edb9e180d980f34351bfa3c7173", other: "9ced4e8dad4145f2" }],
])("what %s prints of signatures says", (version, key) => {
  const output = outputOf(version);
  const why = (...names: readonly string[]) => findUntrusted(names.map(fileOf), output)?.why;

  it.each([
    ["a package that is not signed", "unsigned", "it is not signed"],
    [
      "a key that is not there",
      "unknown",
      `it is signed by the key ${key.other}, which is not among the repository's keys`,
    ],
    ["a content that was changed", "damaged", "it is damaged: its content does not have its digest"],
    ["a signature that was changed", "oddbody", `its signature by the key ${key.good} is wrong`],
    [
      "a signature in another format",
      "oddalgo",
      "rpm cannot read its signature: it does not have the format or the algorithm",
    ],
    [
      "a signature with an unknown hash",
      "oddhash",
      "rpm cannot read its signature: it does not have the format or the algorithm (RSA/Unknown hash algorithm)",
    ],
  ])("%s", (_, name, sentence) => {
    expect(why(name)).toBe(sentence);
    expect(findUntrusted([fileOf("good"), fileOf(name)], output)?.file).toBe(fileOf(name));
  });

  it("nothing against packages that are signed by the primary key or by a subkey", () => {
    expect(why("good", "sub")).toBeUndefined();
  });

  it("nothing against a package with one valid signature and another one by a key that is not there", () => {
    expect(why("multi")).toBeUndefined();
  });
});

it("a signature with SHA-1 is too weak for rpm 6, and good enough for rpm 4.18", () => {
  expect(findUntrusted([fileOf("sha1")], outputOf("rpm-4.18.0"))).toBeUndefined();
  expect(findUntrusted([fileOf("sha1")], outputOf("rpm-6.1.0"))?.why).toBe(
    "its signature by the key 13b2ab7f4b4a0edb9e180d980f34351bfa3c7173 is too weak: rpm does not accept SHA1",
  );
});

it("a subkey that was revoked is not trusted by rpm 6, and not there for rpm 4.18", () => {
  const why = (version: string) => findUntrusted([fileOf("revd")], outputOf(version))?.why;
  expect(why("rpm-4.18.0")).toBe("it is signed by the key f6c1a565, which is not among the repository's keys");
  expect(why("rpm-6.1.0")).toBe(
    "rpm does not trust its signature by the key 20fb0b583c163bb87533202d7a86163dbaba3d9e: " +
      "Key 3378CE9EF6C1A565 is invalid: key is revoked",
  );
});

it("a signature with an algorithm that rpm 6 does not have is no matter of trust", () => {
  const line =
    "    Header OpenPGP V4 Unknown public key algorithm/SHA512 signature, key ID 0f34351bfa3c7173: NOTTRUSTED";
  expect(findUntrusted([fileOf("x")], { stdout: `${fileOf("x")}:\n${line}\n`, stderr: "" })?.why).toBe(
    "rpm cannot read its signature: it does not have the format or the algorithm (Unknown public key algorithm/SHA512)",
  );
});

describe("one valid signature is not enough", () => {
  const stdoutOf = (...lines: readonly string[]) =>
    [`${fileOf("x")}:`, ...lines.map((line) => `    ${line}`)].join("\n");
  const valid = "Header V4 RSA/SHA256 Signature, key ID fa3c7173: OK";
  const why = (...lines: readonly string[]) =>
    findUntrusted([fileOf("x")], { stdout: stdoutOf(...lines), stderr: "" })?.why;

  it.each([
    [
      "where another one is wrong",
      ["Header V4 EdDSA/SHA256 Signature, key ID ccf1662a: BAD", "Payload SHA256 digest: OK"],
      "its signature by the key ccf1662a is wrong",
    ],
    [
      "where nothing in the header tells of the payload, and the payload's own signature is by a key that is not there",
      ["V4 RSA/SHA1 Signature, key ID ad4145f2: NOKEY", "MD5 digest: OK"],
      "it is signed by the key ad4145f2, which is not among the repository's keys",
    ],
  ])("%s", (_, lines, sentence) => {
    expect(why(valid, ...lines)).toBe(sentence);
  });

  it("but is where old packages have one of header and payload, too", () => {
    expect(why(valid, "V3 RSA/SHA256 Signature, key ID fa3c7173: OK", "MD5 digest: OK")).toBeUndefined();
  });
});

it("a file that is no package is not trusted, and neither is one that rpm prints nothing about", () => {
  const stderr = `error: ${fileOf("x")}: not an rpm package (or package manifest)\n`;
  expect(findUntrusted([fileOf("x")], { stdout: "", stderr })?.why).toBe("not an rpm package (or package manifest)");
  expect(findUntrusted([fileOf("y")], { stdout: "", stderr })?.why).toBe("rpm prints nothing about it");
});

describe("keys that cannot be imported are named, with the reason where there is one", () => {
  it("by rpm 4.18", () => {
    expect(keysNotImported(captured("rpm-4.18.0/import.txt"))).toEqual([
      "key 1 of /tmp/k/v6.asc: Unsupported version of key: V6",
      "/tmp/k/nosuch.asc: it cannot be read",
      "key 1 of /tmp/k/revd.asc",
      "key 2 of /tmp/k/blocks2.asc: Unsupported version of key: V6",
    ]);
  });

  it("by rpm 6", () => {
    expect(keysNotImported(captured("rpm-6.1.0/import.txt"))).toEqual([
      "key 1 of /tmp/k/v6.asc: Certificate C72E15C6C50F7A40: Policy rejects C72E15C6C50F7A40: No binding signature at time 2026-11-25T09:30:00Z",
      "/tmp/k/nosuch.asc: it cannot be read",
      "key 2 of /tmp/k/blocks2.asc: Certificate BAC2CE2C56059558: Policy rejects BAC2CE2C56059558: No binding signature at time 2026-11-25T09:30:01Z",
    ]);
  });
});
