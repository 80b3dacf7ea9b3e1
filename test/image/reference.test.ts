import { describe, expect, it } from "vitest";
import { findImage } from "../../src/image/reference.ts";
import { hostArch } from "../../src/system/arch.ts";

const own = `latest-${hostArch()}`;
const other = hostArch() === "x86_64" ? "latest-aarch64" : "latest-x86_64";
const store = [
  `localhost/echo:${other}`,
  `localhost/echo:${own}`,
  `localhost/echo:1.2-${own.slice("latest-".length)}`,
  "localhost/foreign",
  `registry.example:5000/group/echo:${own}`,
];
const find = (asked: string) =>
  findImage(
    asked,
    async (reference) => (store.includes(reference) ? reference : undefined),
    async () => store,
  );

describe("what a person means by a text", () => {
  it.each([
    ["a name alone is the latest image for this machine", "localhost/echo", `localhost/echo:${own}`],
    ["a name without a host is local", "echo", `localhost/echo:${own}`],
    ["a host's port is no tag", "registry.example:5000/group/echo", `registry.example:5000/group/echo:${own}`],
    ["a tag is a tag", `localhost/echo:${other}`, `localhost/echo:${other}`],
    ["an image of another builder has its own name", "localhost/foreign", "localhost/foreign"],
  ])("%s", async (_, asked, reference) => {
    expect((await find(asked)).reference).toBe(reference);
  });
});

describe("what is not there is answered with what is", () => {
  it.each([
    ["a part of a tag", "localhost/echo:latest", `localhost/echo:${own}`],
    ["a mistyped tag", `echo:${own}x`, `localhost/echo:${own}`],
    ["a tag like none", "echo:zzz", `localhost/echo:${own}`],
    ["a mistyped name", "ehco", `localhost/echo:${own}`],
    ["a mistyped registry", "registry.exmaple:5000/group/echo", `registry.example:5000/group/echo:${own}`],
  ])("%s", async (_, asked, near) => {
    await expect(find(asked)).rejects.toMatchObject({
      message: `cannot find image ${asked} in the local store`,
      hint: `did you mean ${near}? buildah images lists what is there`,
      kind: "failed",
    });
  });

  it.each(["nginx", "nginx:1", "sha256:123", "no image", ""])("'%s' is near to nothing", async (asked) => {
    await expect(find(asked)).rejects.toMatchObject({ hint: expect.stringContaining("buildah pull NAME") });
  });
});
