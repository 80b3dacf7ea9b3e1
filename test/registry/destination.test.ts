import { describe, expect, it } from "vitest";
import { parseDestination, referenceAt, transportAt } from "../../src/registry/destination.ts";
import { Failure } from "../../src/system/errors.ts";

describe("a destination", () => {
  it.each([
    ["registry.example/group/service", "docker://registry.example/group/service:1.0"],
    ["docker://registry.example/group/service", "docker://registry.example/group/service:1.0"],
    ["127.0.0.1:5000/service", "docker://127.0.0.1:5000/service:1.0"],
    ["localhost:5000/service", "docker://localhost:5000/service:1.0"],
    ["oci:/srv/images", "oci:/srv/images:1.0"],
  ])("%s is for buildah %s", (text, wanted) => {
    expect(transportAt(parseDestination(text), "1.0")).toBe(wanted);
  });

  it("is an absolute directory for people, too", () => {
    expect(referenceAt(parseDestination("oci:images"), "1.0")).toBe(`oci:${process.cwd()}/images:1.0`);
  });

  it.each([
    ["service", "cannot push to 'service': it has no registry", "write its host before it: HOST/service"],
    ["registry.example/service:1.0", "cannot name the image 'registry.example/service:1.0': it has a tag", undefined],
    ["oci:", "cannot push to 'oci:': it names no directory", undefined],
    ["oci:images:1.0", "cannot push to 'oci:images:1.0': the directory's name may have no colon", undefined],
    [
      "docker-archive:file",
      "cannot push to 'docker-archive:file': the images of every architecture and their index fit into a registry or an oci: directory only",
      "one image alone: buildah push NAME:latest-ARCH docker-archive:file",
    ],
  ])("%s is refused", (text, sentence, hint) => {
    try {
      parseDestination(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      expect(error).toMatchObject({ kind: "usage", message: sentence, ...(hint === undefined ? {} : { hint }) });
    }
  });
});
