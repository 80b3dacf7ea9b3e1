import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { cycloneDx } from "../../src/report/cyclonedx.ts";
import { packageUrl, sourceUrl } from "../../src/report/purl.ts";
import type { PackageRecord } from "../../src/report/record.ts";
import { type RecordedImage, uuidOf } from "../../src/report/sbom.ts";
import { spdx } from "../../src/report/spdx.ts";
import { sampleImage, sampleRecord, sampleSha1s } from "./sample.ts";
import { cycloneDxComplaints, spdxComplaints } from "./schemas.ts";

const osImage: RecordedImage = {
  ...sampleImage,
  record: {
    ...sampleRecord,
    plan: { ...sampleRecord.plan, kind: "os", family: "fedora", base: "base:44", packages: ["served"] },
    distribution: { id: "fedora", version: "44" },
    packages: [
      {
        name: "served",
        version: "12:4.4-27.fc44",
        upstreamVersion: "4.4",
        arch: "x86_64",
        source: { name: "served", version: "12:4.4-27.fc44" },
        sha256: "4".repeat(64),
      },
    ],
    entries: sampleRecord.entries.filter(({ reason }) => reason.kind === "recipe"),
  },
};
const { distribution: _, ...nowhere } = sampleRecord;
const images: readonly (readonly [string, RecordedImage])[] = [
  ["a scratch image", sampleImage],
  ["an OS-based image", osImage],
  [
    "a package in two architectures",
    {
      ...osImage,
      record: {
        ...osImage.record,
        packages: ["i686", "x86_64"].map((arch) => ({ ...osImage.record.packages[0]!, arch })),
      },
    },
  ],
  ["packages of an unknown release", { ...sampleImage, record: nowhere }],
];

describe("CycloneDX", () => {
  it.each(images)("of %s is valid by the official schema of 1.6", (_, image) => {
    expect(cycloneDxComplaints(JSON.parse(JSON.stringify(cycloneDx(image))))).toEqual([]);
  });

  it("the schema refuses what it should", () => {
    expect(cycloneDxComplaints({ ...cycloneDx(sampleImage), serialNumber: "none" })).not.toEqual([]);
  });

  it.each(images)("of %s names everything once and depends only on what it names", (_, image) => {
    const document = cycloneDx(image);
    const all = [
      document.metadata.component,
      ...document.components,
      ...document.components.flatMap((each) => each.components ?? []),
    ];
    const names = all.map((component) => component["bom-ref"]);
    expect(new Set(names).size).toBe(names.length);
    const used = document.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
    expect(used.filter((name) => !names.includes(name))).toEqual([]);
  });

  it("has each package with its source, licence, files and what they need", () => {
    const document = cycloneDx(sampleImage);
    const url =
      "pkg:deb/debian/libextra%2B%2B1@1:1.0~rc1-2%2Bb1?arch=amd64&distro=debian-12&upstream=extra%401:1.0~rc1-2";
    expect(document.components.find(({ name }) => name === "libextra++1")).toEqual({
      type: "library",
      "bom-ref": url,
      supplier: { name: "Debian" },
      name: "libextra++1",
      version: "1:1.0~rc1-2+b1",
      hashes: [{ alg: "SHA-256", content: "2".repeat(64) }],
      licenses: [{ expression: "ISC AND LicenseRef-Beer", acknowledgement: "declared" }],
      purl: url,
      pedigree: {
        ancestors: [
          {
            type: "library",
            name: "extra",
            version: "1:1.0~rc1-2",
            purl: "pkg:deb/debian/extra@1:1.0~rc1-2?arch=source&distro=debian-12",
          },
        ],
      },
      components: [
        {
          type: "file",
          "bom-ref": "file:/usr/lib/libextra++.so.1",
          name: "/usr/lib/libextra++.so.1",
          hashes: [{ alg: "SHA-256", content: "c".repeat(64) }],
          properties: [
            { name: "dhcpd-build:mode", value: "0755" },
            { name: "dhcpd-build:owner", value: "0:0" },
          ],
        },
      ],
      properties: [
        { name: "aquasecurity:trivy:SrcEpoch", value: "1" },
        { name: "aquasecurity:trivy:SrcName", value: "extra" },
        { name: "aquasecurity:trivy:SrcRelease", value: "2" },
        { name: "aquasecurity:trivy:SrcVersion", value: "1.0~rc1" },
      ],
    });
    expect(document.dependencies.find(({ ref }) => ref === "file:/usr/sbin/served")).toEqual({
      ref: "file:/usr/sbin/served",
      dependsOn: ["file:/usr/lib/ld-tiny.so.2", "file:/usr/lib/libc.so.6", "file:/usr/lib/libextra++.so.1"],
    });
  });
});

describe("SPDX", () => {
  it("explains a license that the recipe alone names", () => {
    const record = { ...sampleRecord, plan: { ...sampleRecord.plan, license: "MIT OR LicenseRef-Ours" } };
    const document = spdx({ ...sampleImage, record }, sampleSha1s);
    expect(document.hasExtractedLicensingInfos?.map(({ licenseId }) => licenseId)).toEqual([
      "LicenseRef-Beer",
      "LicenseRef-Ours",
    ]);
  });

  it.each(images)("of %s is valid by the rules of 2.3", (_, image) => {
    expect(spdxComplaints(JSON.parse(JSON.stringify(spdx(image, sampleSha1s))))).toEqual([]);
  });

  it("the schema refuses what it should", () => {
    expect(
      spdxComplaints({ ...spdx(sampleImage, sampleSha1s), creationInfo: { created: "today", creators: [] } }),
    ).not.toEqual([]);
  });

  it.each(images)("of %s names everything once and relates only what it names", (_, image) => {
    const { packages, files, relationships } = spdx(image, sampleSha1s);
    const names = ["SPDXRef-DOCUMENT", ...[...packages, ...files].map(({ SPDXID }) => SPDXID)];
    expect(new Set(names).size).toBe(names.length);
    const used = relationships.flatMap(({ spdxElementId, relatedSpdxElement }) => [spdxElementId, relatedSpdxElement]);
    expect(used.filter((name) => !names.includes(name))).toEqual([]);
  });

  it("every file is contained once, by a package whose files were analyzed, as 7.8 wants it", () => {
    const { packages, files, relationships } = spdx(sampleImage, sampleSha1s);
    const containers = files.map(({ SPDXID }) =>
      relationships.filter((each) => each.relationshipType === "CONTAINS" && each.relatedSpdxElement === SPDXID),
    );
    expect(containers.map((found) => found.length)).toEqual(files.map(() => 1));
    const analyzed = packages.filter(({ filesAnalyzed }) => filesAnalyzed).map(({ SPDXID }) => SPDXID);
    expect(containers.flat().filter(({ spdxElementId }) => !analyzed.includes(spdxElementId))).toEqual([]);
    expect(
      packages.filter(({ filesAnalyzed, packageVerificationCode: code }) => filesAnalyzed !== (code !== undefined)),
    ).toEqual([]);
  });

  it.each(images)("of %s has the verification codes of 7.9, which validators do not work out again", (_, image) => {
    const { packages, files, relationships } = spdx(image, sampleSha1s);
    for (const { SPDXID, packageVerificationCode: code } of packages) {
      const contained = relationships.filter(
        (each) => each.relationshipType === "CONTAINS" && each.spdxElementId === SPDXID,
      );
      const sums = files
        .filter((file) => contained.some((each) => each.relatedSpdxElement === file.SPDXID))
        .map(({ checksums }) => checksums.find(({ algorithm }) => algorithm === "SHA1")?.checksumValue)
        .sort();
      const expected = createHash("sha1").update(sums.join("")).digest("hex");
      expect(code?.packageVerificationCodeValue).toBe(sums.length === 0 ? undefined : expected);
    }
  });

  it("explains every licence that SPDX does not know", () => {
    expect(spdx(sampleImage, sampleSha1s).hasExtractedLicensingInfos).toEqual([
      {
        licenseId: "LicenseRef-Beer",
        name: "Beer",
        extractedText: "The text is in the copyright or license files of: libextra++1, served",
      },
    ]);
  });
});

it.each(images)("%s gives the same bytes every time", (_, image) => {
  const copy = JSON.parse(JSON.stringify(image)) as RecordedImage;
  expect(JSON.stringify([cycloneDx(copy), spdx(copy, sampleSha1s)])).toBe(
    JSON.stringify([cycloneDx(image), spdx(image, sampleSha1s)]),
  );
});

it("another image has another serial number and namespace", () => {
  const other = { ...sampleImage, id: `sha256:${"f".repeat(64)}` };
  expect(cycloneDx(other).serialNumber).not.toBe(cycloneDx(sampleImage).serialNumber);
  expect(spdx(other, sampleSha1s).documentNamespace).not.toBe(spdx(sampleImage, sampleSha1s).documentNamespace);
});

it("a UUID made from text is a UUID of version 8", () => {
  expect(uuidOf("anything")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

describe("package URLs", () => {
  const rpm: PackageRecord = {
    ...osImage.record.packages[0]!,
    source: { name: "served-server", version: "12:4.4-27.fc44" },
  };
  const fedora = { family: "fedora", distribution: { id: "fedora", version: "44" } } as const;
  const debian = { family: "debian", distribution: { id: "debian", version: "12" } } as const;

  it.each([
    [
      "Debian's, with the source package",
      packageUrl(sampleRecord.packages[0]!, debian),
      "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12&upstream=glibc",
    ],
    [
      "of an unknown release",
      packageUrl(sampleRecord.packages[2]!, { family: "debian", distribution: undefined }),
      "pkg:deb/debian/served@4.4-1?arch=amd64&upstream=served",
    ],
    [
      "Fedora's, with the epoch apart and the source package's file",
      packageUrl(rpm, fedora),
      "pkg:rpm/fedora/served@4.4-27.fc44?arch=x86_64&distro=fedora-44&epoch=12&upstream=served-server-4.4-27.fc44.src.rpm",
    ],
    [
      "Fedora's source",
      sourceUrl(rpm, fedora),
      "pkg:rpm/fedora/served-server@4.4-27.fc44?arch=src&distro=fedora-44&epoch=12",
    ],
  ])("%s", (_, url, expected) => expect(url).toBe(expected));
});
