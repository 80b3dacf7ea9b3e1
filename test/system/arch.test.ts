import { expect, it } from "vitest";
import { archNames, hostArch, parseArch } from "../../src/system/arch.ts";

it.each([
  ["x86_64", "x86_64"],
  ["amd64", "x86_64"],
  ["x64", "x86_64"],
  ["aarch64", "aarch64"],
  ["arm64", "aarch64"],
])("%s is %s", (text, arch) => {
  expect(parseArch(text)).toBe(arch);
});

it.each(["", "X86_64", "i386", "armhf", "all", "constructor", "__proto__", "toString"])(
  "'%s' is no architecture",
  (text) => {
    expect(parseArch(text)).toBeUndefined();
  },
);

it("this machine is one of them or none", () => {
  expect([...archNames, undefined]).toContain(hostArch());
});
