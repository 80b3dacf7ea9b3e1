import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { spdxSchema } from "./spdx-schema.ts";

const require = createRequire(import.meta.url);
/** The official schemas, as the CycloneDX project's own library ships them. */
const schemas = path.join(require.resolve("@cyclonedx/cyclonedx-library/package.json"), "../res/schema");

function complaints(schema: object, document: unknown, others: readonly string[] = []): readonly string[] {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  addFormats.default(ajv);
  // Of the formats in the schemas ajv-formats lacks these two; we write neither.
  for (const format of ["idn-email", "iri-reference"]) ajv.addFormat(format, true);
  for (const name of others) ajv.addSchema(parse(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  const validate = ajv.compile(schema);
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const parse = (name: string) =>
  JSON.parse(readFileSync(path.join(schemas, `${name}.SNAPSHOT.schema.json`), "utf8")) as object;

/** What the official schema of CycloneDX 1.6 has against a document. */
export const cycloneDxComplaints = (document: unknown) => complaints(parse("bom-1.6"), document, ["spdx", "jsf-0.82"]);

/** What our schema of SPDX 2.3 has against a document. */
export const spdxComplaints = (document: unknown) => complaints(spdxSchema, document);
