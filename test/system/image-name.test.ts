import { expect, it } from "vitest";
import { imageReference, parseImageReference } from "../../src/system/image-name.ts";
import { imageNames, noImageNames } from "../support/image-names.ts";

it.each(imageNames)("%s is the name of an image", (name) => {
  expect(imageReference.test(name)).toBe(true);
  expect(parseImageReference("--builder", name)).toBe(name);
});

it.each(["", "-x", ...noImageNames])("'%s' is none", (name) => {
  expect(imageReference.test(name)).toBe(false);
  expect(() => parseImageReference("--builder", name)).toThrow(`cannot use --builder '${name}': that is no image name`);
});
