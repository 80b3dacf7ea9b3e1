const text = { type: "string" } as const;
const id = { type: "string", pattern: "^SPDXRef-[a-zA-Z0-9.-]+$" } as const;
const noAssertion = { const: "NOASSERTION" } as const;
/** Annex D: names, references and exceptions, joined by AND, OR and WITH; no check of the names themselves. */
const license = {
  type: "string",
  pattern: "^(NOASSERTION|\\(*[A-Za-z0-9.-]+\\+?(( AND | OR | WITH )\\(*[A-Za-z0-9.-]+\\+?\\)*)*)$",
} as const;
const supplier = { type: "string", pattern: "^(NOASSERTION|(Organization|Person): .+)$" } as const;

/** An object that has these properties and no others; those with a question mark may be absent. */
function closed(properties: Readonly<Record<string, object>>): object {
  const entries = Object.entries(properties);
  return {
    type: "object",
    additionalProperties: false,
    required: entries.map(([name]) => name).filter((name) => !name.endsWith("?")),
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace("?", ""), schema])),
  };
}

function checksums(...algorithms: readonly (readonly [name: string, digits: number])[]): object {
  return {
    type: "array",
    minItems: algorithms.length,
    maxItems: algorithms.length,
    items: algorithms.map(([name, digits]) =>
      closed({ algorithm: { const: name }, checksumValue: { type: "string", pattern: `^[0-9a-f]{${digits}}$` } }),
    ),
  };
}

const externalReference = closed({
  referenceCategory: { const: "PACKAGE-MANAGER" },
  referenceType: { const: "purl" },
  referenceLocator: { type: "string", pattern: "^pkg:[a-z]+/\\S+$" },
});

/**
 * The part of SPDX 2.3 that we write, as a JSON Schema written down by hand from the specification and held against the official
 * spdx-schema.json, which no package that we could depend on ships. For unit tests, which have no network; the integration tests ask
 * SPDX's own validator. It is narrower than both: fields that we do not write are refused, and a file must have a SHA-1 (8.4), which in the
 * official schema only the prose demands.
 */
export const spdxSchema = closed({
  spdxVersion: { const: "SPDX-2.3" },
  dataLicense: { const: "CC0-1.0" },
  SPDXID: { const: "SPDXRef-DOCUMENT" },
  name: text,
  documentNamespace: { type: "string", format: "uri", pattern: "^[^#]+$" },
  creationInfo: closed({
    created: { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$", format: "date-time" },
    creators: { type: "array", minItems: 1, items: { type: "string", pattern: "^Tool: \\S+-\\S+$" } },
  }),
  packages: {
    type: "array",
    minItems: 1,
    items: closed({
      SPDXID: id,
      name: text,
      "versionInfo?": text,
      "primaryPackagePurpose?": { enum: ["CONTAINER", "OPERATING-SYSTEM", "SOURCE"] },
      supplier,
      downloadLocation: noAssertion,
      filesAnalyzed: { type: "boolean" },
      "packageVerificationCode?": closed({
        packageVerificationCodeValue: { type: "string", pattern: "^[0-9a-f]{40}$" },
      }),
      "checksums?": checksums(["SHA256", 64]),
      "sourceInfo?": text,
      licenseConcluded: noAssertion,
      licenseDeclared: license,
      copyrightText: noAssertion,
      "externalRefs?": { type: "array", items: externalReference },
      "comment?": text,
    }),
  },
  files: {
    type: "array",
    items: closed({
      SPDXID: id,
      fileName: { type: "string", pattern: "^\\./" },
      checksums: checksums(["SHA1", 40], ["SHA256", 64]),
      licenseConcluded: noAssertion,
      licenseInfoInFiles: { type: "array", items: noAssertion },
      copyrightText: noAssertion,
    }),
  },
  relationships: {
    type: "array",
    items: closed({
      spdxElementId: id,
      relationshipType: { enum: ["DESCRIBES", "CONTAINS", "DEPENDS_ON", "GENERATED_FROM", "STATIC_LINK"] },
      relatedSpdxElement: { anyOf: [id, noAssertion] },
    }),
  },
  "hasExtractedLicensingInfos?": {
    type: "array",
    minItems: 1,
    items: closed({
      licenseId: { type: "string", pattern: "^LicenseRef-[A-Za-z0-9.-]+$" },
      name: text,
      extractedText: { type: "string", minLength: 1 },
    }),
  },
});
