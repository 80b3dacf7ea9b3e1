import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { cycloneDx } from "../../src/report/cyclonedx.ts";
import { packageUrl, sourceUrl, upstreamUrl } from "../../src/report/purl.ts";
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
  ["an image with much built in", builtInImage()],
];

/** A package of each field that declares sources, and programs of Go, Rust and C. */
function builtInImage(): RecordedImage {
  const [libc, libextra, served] = sampleRecord.packages;
  const declaring: readonly PackageRecord[] = [
    libc!,
    { ...libextra!, builtIn: { "Built-Using": "glibc (= 2.36-9+deb12u14), gcc-12 (= 12.2.0-14)" } },
    {
      ...served!,
      builtIn: {
        "Static-Built-Using": "golang-1.19 (= 1.19.8-2)",
        Provides: "bundled(bind) = 9.11.36, bundled(nothing-else)",
      },
    },
  ];
  const go = { language: "go", published: true } as const;
  return {
    ...sampleImage,
    record: { ...sampleRecord, packages: declaring },
    natives: [
      { path: "/usr/lib/libc.so.6", modules: [], whole: false },
      {
        path: "/usr/lib/libextra++.so.1",
        modules: [
          { language: "rust", name: "serde", version: "1.0.1", published: true },
          { language: "rust", name: "extra", version: "0.1.0", published: false },
        ],
        whole: true,
      },
      {
        path: "/usr/sbin/served",
        modules: [
          { ...go, name: "example.org/Lib/v2", version: "v2.0.1+incompatible", sum: "h1:one=" },
          { ...go, name: "example.org/served", version: undefined, published: false },
          { ...go, name: "stdlib", version: "1.22.1" },
        ],
        whole: true,
      },
    ],
  };
}

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

/** What is built in by whom, as CycloneDX and SPDX have it alike. */
const builtIn: readonly (readonly [user: string, how: "STATIC_LINK" | "GENERATED_FROM", purlOrName: string])[] = [
  ["libextra++1", "GENERATED_FROM", "pkg:deb/debian/gcc-12@12.2.0-14?arch=source&distro=debian-12"],
  ["libextra++1", "GENERATED_FROM", "pkg:deb/debian/glibc@2.36-9%2Bdeb12u14?arch=source&distro=debian-12"],
  ["served", "STATIC_LINK", "pkg:deb/debian/golang-1.19@1.19.8-2?arch=source&distro=debian-12"],
  ["served", "STATIC_LINK", "pkg:generic/bind@9.11.36"],
  ["served", "STATIC_LINK", "pkg:generic/nothing-else"],
  ["/usr/lib/libextra++.so.1", "STATIC_LINK", "extra"],
  ["/usr/lib/libextra++.so.1", "STATIC_LINK", "pkg:cargo/serde@1.0.1"],
  ["/usr/sbin/served", "STATIC_LINK", "example.org/served"],
  ["/usr/sbin/served", "STATIC_LINK", "pkg:golang/example.org/lib/v2@v2.0.1%2Bincompatible"],
  ["/usr/sbin/served", "STATIC_LINK", "pkg:golang/stdlib@1.22.1"],
];

describe("what is built in", () => {
  it("is what the package or the file depends on in CycloneDX", () => {
    const { components, dependencies } = cycloneDx(builtInImage());
    const all = [...components, ...components.flatMap((each) => each.components ?? [])];
    const byReference = new Map(all.map((each) => [each["bom-ref"], each]));
    const found = dependencies.flatMap(({ ref, dependsOn }) =>
      dependsOn.map((other) => {
        const { purl, name } = byReference.get(other) ?? { name: other };
        return [byReference.get(ref)?.name ?? ref, purl ?? name];
      }),
    );
    expect(found).toEqual(expect.arrayContaining(builtIn.map(([user, , what]) => [user, what])));
  });

  it("is statically linked into them, or they are generated from it, in SPDX", () => {
    const { packages, files, relationships } = spdx(builtInImage(), sampleSha1s);
    const names = new Map<string, string>([
      ...packages.map((each) => [each.SPDXID, each.externalRefs?.[0]?.referenceLocator ?? each.name] as const),
      ...files.map(({ SPDXID, fileName }) => [SPDXID, fileName.slice(1)] as const),
    ]);
    // A source package that the image has a package of is there without its URL, which scanners would count twice.
    const expected = builtIn.map(([user, how, what]) => [user, how, what.includes("/glibc@") ? "glibc" : what]);
    const found = relationships.map(({ spdxElementId, relationshipType, relatedSpdxElement }) => [
      packages.find(({ SPDXID }) => SPDXID === spdxElementId)?.name ?? names.get(spdxElementId),
      relationshipType,
      names.get(relatedSpdxElement),
    ]);
    expect(found).toEqual(expect.arrayContaining(expected));
  });

  it("makes an image incomplete where one file has no whole list, and names that file", () => {
    expect(cycloneDx(builtInImage()).compositions).toEqual([
      { aggregate: "incomplete", assemblies: [`image:${sampleImage.id}`], dependencies: ["file:/usr/lib/libc.so.6"] },
      { aggregate: "complete", dependencies: ["file:/usr/lib/libextra++.so.1", "file:/usr/sbin/served"] },
    ]);
    const document = spdx(builtInImage(), sampleSha1s);
    const unknown = document.relationships.filter(({ relatedSpdxElement }) => relatedSpdxElement === "NOASSERTION");
    expect(unknown.map(({ spdxElementId, relationshipType }) => [spdxElementId, relationshipType])).toEqual([
      [document.files.find(({ fileName }) => fileName === "./usr/lib/libc.so.6")?.SPDXID, "STATIC_LINK"],
      ["SPDXRef-Image", "CONTAINS"],
    ]);
  });

  it("is complete where all files have whole lists", () => {
    const image = builtInImage();
    const natives = image.natives?.filter(({ whole }) => whole) ?? [];
    expect(cycloneDx({ ...image, natives }).compositions[0]).toMatchObject({ aggregate: "complete" });
    expect(spdx({ ...image, natives }, sampleSha1s).relationships).not.toContainEqual(
      expect.objectContaining({ relatedSpdxElement: "NOASSERTION" }),
    );
  });

  it.each([
    ["nobody looked into the files", sampleImage],
    ["the files are a whole system's", { ...osImage, natives: [] }],
  ])("is never complete where %s", (_, image) => {
    expect(cycloneDx(image).compositions).toEqual([
      { aggregate: "incomplete", assemblies: [`image:${sampleImage.id}`] },
    ]);
    expect(spdx(image, sampleSha1s).relationships).toContainEqual({
      spdxElementId: "SPDXRef-Image",
      relationshipType: "CONTAINS",
      relatedSpdxElement: "NOASSERTION",
    });
  });

  it("of a file that an OS-based image's record does not list is the image's", () => {
    const modules = [{ language: "go", name: "stdlib", version: "1.22.1", published: true }] as const;
    const { dependencies } = cycloneDx({ ...osImage, natives: [{ path: "/usr/bin/x", modules, whole: true }] });
    expect(dependencies[0]?.dependsOn).toContain("pkg:golang/stdlib@1.22.1");
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
    expect(used.filter((name) => !names.includes(name) && name !== "NOASSERTION")).toEqual([]);
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
    [
      "an RPM of nobody knows where",
      packageUrl(rpm, { family: "fedora", distribution: undefined }),
      "pkg:rpm/served@4.4-27.fc44?arch=x86_64&epoch=12&upstream=served-server-4.4-27.fc44.src.rpm",
    ],
    ["a name with signs in it", upstreamUrl("generic", "a(b)!c'*", "1+2"), "pkg:generic/a%28b%29%21c%27%2A@1%2B2"],
    ["a Go module", upstreamUrl("golang", "example.org/A/v2", undefined), "pkg:golang/example.org/a/v2"],
  ])("%s", (_, url, expected) => expect(url).toBe(expected));

  it.each([
    ["centos", "7", "centos", "CentOS"],
    ["rhel", "7.9", "redhat", "Red Hat"],
    ["rocky", "8.5", "rocky", "Rocky"],
    ["almalinux", "9.3", "almalinux", "AlmaLinux"],
    ["opensuse-leap", "15.5", "opensuse", "openSUSE"],
    ["sles", "15.5", "suse", "SUSE"],
  ])("an RPM of %s %s is of the namespace %s", (id, version, namespace, supplier) => {
    const record = { ...osImage.record, distribution: { id, version } };
    const [, component] = cycloneDx({ ...osImage, record }).components;
    expect(component?.purl).toBe(
      `pkg:rpm/${namespace}/served@4.4-27.fc44?arch=x86_64&distro=${id}-${version}&epoch=12&upstream=served-4.4-27.fc44.src.rpm`,
    );
    expect(component?.supplier).toEqual({ name: supplier });
  });

  it("an RPM of nobody knows where has no supplier", () => {
    const { distribution: _, ...record } = osImage.record;
    expect(cycloneDx({ ...osImage, record }).components[0]).not.toHaveProperty("supplier");
    expect(spdx({ ...osImage, record }, sampleSha1s).packages[1]?.supplier).toBe("NOASSERTION");
  });
});
