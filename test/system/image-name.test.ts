import { expect, it } from "vitest";
import { imageAsked, imageReference } from "../../src/system/image-name.ts";
import { imageNames, noImageNames } from "../support/image-names.ts";

it.each(imageNames)("%s is the name of an image", (name) => {
  expect(imageReference.test(name)).toBe(true);
  expect(imageAsked("--builder", name)).toBe(name);
});

it.each(["", "-x", ...noImageNames])("'%s' is none", (name) => {
  expect(imageReference.test(name)).toBe(false);
  expect(() => imageAsked("--builder", name)).toThrow(`cannot use --builder '${name}': that is no image name`);
});
