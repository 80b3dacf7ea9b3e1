import { describe, expect, it } from "vitest";
import { connectionOf } from "../../src/commands/options.ts";

describe("how a registry is reached", () => {
  it.each([
    ["60s", 60_000],
    ["5m", 300_000],
    ["1500ms", 1500],
    ["90", 90_000],
  ])("with --timeout %s", (timeout, milliseconds) => {
    expect(connectionOf({ timeout })).toEqual({ timeout: milliseconds });
  });

  it.each(["", "0", "0s", "-1s", "soon", "1h", "1e9"])("not with --timeout '%s'", (timeout) => {
    expect(() => connectionOf({ timeout })).toThrow(
      expect.objectContaining({ kind: "usage", message: `cannot use --timeout '${timeout}': invalid duration` }),
    );
  });

  it.each([
    ["true", true],
    ["false", false],
  ] as const)("with --tls-verify=%s only if that is given", (tlsVerify, verify) => {
    expect(connectionOf({ timeout: "1s", tlsVerify })).toEqual({ timeout: 1000, tlsVerify: verify });
  });
});
